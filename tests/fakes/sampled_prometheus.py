"""A real Prometheus on a free port that holds three hours of samples and scrapes nothing."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from alert_cases.programs import path_of
from fakes.samples import Sample, open_metrics


@contextmanager
def sampled_prometheus(folder: Path, samples: Iterable[Sample], end: float) -> Iterator[str]:
    """Yield the address of a Prometheus with the samples of the hours before ``end``, Unix time."""
    (folder / "samples.txt").write_text(open_metrics(samples, end), encoding="utf-8")
    (folder / "prometheus.yml").write_text("{}\n")
    data = folder / "data"
    subprocess.run(
        [path_of("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(folder / "samples.txt"), str(data)],
        check=True,
        capture_output=True,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(path_of("prometheus"), f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={data}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=30d"),
    ]
    with (folder / "prometheus.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            until = time.monotonic() + 60
            while not _is_ready(url):
                if server.poll() is not None or time.monotonic() > until:
                    pytest.fail(f"not ready:\n{(folder / 'prometheus.log').read_text()[-2000:]}")
                time.sleep(0.05)  # a server of another make: there is nothing to await
            yield url
        finally:
            server.terminate()


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=60).status_code == 200
    except httpx.TransportError:
        return False
