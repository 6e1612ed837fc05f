"""A file of the full size through a server process into a real store and back: content, memory, refusals."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import openai
import pytest

from llmbatch.s3.store import S3Store

from .conftest import free_ports
from .small_jobs import BUCKET

REPOSITORY = Path(__file__).parents[3]
LINE = b'{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"text": "%s"}}\n' % (b"x" * 900)
SIZE = 200_000_000
MOST_MIB = 100


@dataclass(frozen=True)
class Server:
    """A server process and the SDK of a user of it."""

    process: subprocess.Popen[bytes]
    sdk: openai.OpenAI

    def peak_mib(self) -> float:
        """Return the most memory that the process has had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
        return int(kib) / 1024


@pytest.fixture
def running(server: str, tmp_path: Path) -> Iterator[Server]:
    spool = tmp_path / "spool"
    spool.mkdir()
    env = os.environ | {
        "PYTHONPATH": f"{REPOSITORY}/include:{REPOSITORY}/tests",
        "TMPDIR": str(spool),
        "AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "K", "AWS_SECRET_ACCESS_KEY": "S",
        "AWS_DEFAULT_REGION": "us-east-1",
    }  # fmt: skip
    port = free_ports(1)[0]
    process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("upload_server.py")), str(port)], env=env)
    try:
        with closing(openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="user-ada", max_retries=0)) as sdk:
            until = time.monotonic() + 120
            while True:
                try:
                    sdk.models.list()
                    break
                except openai.APIConnectionError:
                    assert process.poll() is None
                    assert time.monotonic() < until
                    time.sleep(0.1)  # there is nothing to await before the port is open
            yield Server(process, sdk)
        assert list(spool.iterdir()) == []
    finally:
        process.terminate()
        process.wait(30)


def test_200_mb_go_up_and_down_in_100_mib_of_memory(running: Server, store: S3Store, tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    with path.open("wb") as file:
        for _ in range(SIZE // len(LINE)):
            file.write(LINE)
    before = running.peak_mib()
    begin = time.monotonic()
    uploaded = running.sdk.files.create(file=path, purpose="batch")
    up, after_upload = time.monotonic() - begin, running.peak_mib()
    assert uploaded.bytes == path.stat().st_size
    digest, begin = hashlib.sha256(), time.monotonic()
    with running.sdk.files.with_streaming_response.content(uploaded.id) as answer:
        for piece in answer.iter_bytes(2**20):
            digest.update(piece)
    down, after = time.monotonic() - begin, running.peak_mib()
    assert digest.hexdigest() == hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"MiB before {before:.0f}, up {after_upload:.0f} ({up:.1f} s), down {after:.0f} ({down:.1f} s)")
    assert after - before < MOST_MIB
    before_refusal = {info.uri for info in store.list(f"s3://{BUCKET}/uploads/")}
    with path.open("ab") as file:
        file.truncate(300 * 2**20)
    begin = time.monotonic()
    with pytest.raises(openai.APIStatusError, match="File is too large") as found:
        running.sdk.files.create(file=path, purpose="batch")
    print(f"refused with {found.value.status_code} in {time.monotonic() - begin:.1f} s")
    assert running.peak_mib() - before < MOST_MIB
    assert {info.uri for info in store.list(f"s3://{BUCKET}/uploads/")} == before_refusal
