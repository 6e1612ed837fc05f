"""The process of a gateway that runs alone, between hostile clients, a real S3 server and an Airflow that only answers.

Its own limits of time are longer than this test; ``tests/unit/gateway/test_connections.py`` has them.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from fakes.airflow_home import airflow_environment
from llmbatch.gateway.connections import raise_file_limit

from .conftest import free_ports
from .small_jobs import BUCKET

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

GIB = 2**30
PIECE = b"x" * 2**18
CONNECTIONS = 1000
MOST_MIB = 100
"""That the process may take more than when it was idle."""
HEALTH_SECONDS = 5
"""Longest time of an answer of ``/health``, on a machine that runs other tests beside this one."""
AS_ADA = b"Host: h\r\nAuthorization: Bearer a.b.c\r\n"
PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


class Airflow(BaseHTTPRequestHandler):
    """Healthy; every token is Ada's, who may start runs and sends none that can be started."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/api/v2/monitor/health":
            self.answer(200, {part: {"status": "healthy"} for part in PARTS})
        else:
            self.answer(200, {"username": "ada"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.answer(400, {"detail": "no such field"})

    def answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@dataclass(frozen=True)
class Gateway:
    """A gateway that serves."""

    process: subprocess.Popen[bytes]
    port: int

    def mib(self, what: str) -> float:
        """Return its memory: ``VmRSS`` now, ``VmHWM`` the most so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith(what))) / 1024


@pytest.fixture
def gateway(server: str, tmp_path: Path) -> Iterator[Gateway]:
    raise_file_limit(2 * CONNECTIONS)
    airflow = ThreadingHTTPServer(("127.0.0.1", 0), Airflow)
    Thread(target=airflow.serve_forever, daemon=True).start()
    config = {
        "store": {"base_uri": f"s3://{BUCKET}/hostile"},
        "models": {"small": {"uri": "hub/small"}},
        "default_model": "small",
        "gateway": {"airflow_url": f"http://127.0.0.1:{airflow.server_port}", "max_upload_bytes": 2**22},
    }
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    connection = {"conn_type": "aws", "login": "K", "password": "S"}
    connection |= {"extra": {"endpoint_url": server, "region_name": "us-east-1"}}  # type: ignore[dict-item]
    env = airflow_environment(tmp_path) | {
        "LLMBATCH_CONFIG": str(tmp_path / "config.yaml"),
        "AIRFLOW_CONN_LLMBATCH_S3": json.dumps(connection),
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of this test with enough bytes for its algorithm, which is HS512",
    }
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "llmbatch.gateway", "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 120
        while not is_healthy(port):
            assert process.poll() is None, (tmp_path / "log").read_text()[-3000:]
            assert time.monotonic() < until
            time.sleep(0.1)  # there is nothing to await before the port is open
        yield Gateway(process, port)
        process.terminate()
        assert process.wait(60) == 0, (tmp_path / "log").read_text()[-3000:]
        assert "Traceback" not in (tmp_path / "log").read_text()
    finally:
        process.kill()
        process.wait()
        airflow.shutdown()
        airflow.server_close()


def is_healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=60).status_code == 200
    except httpx.TransportError:
        return False


async def send(port: int, head: bytes, size: int = 0, *, chunked: bool = False) -> bytes:
    """Send a request with a body of so many bytes, whatever comes back; return the first line of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    frame = b"%x\r\n%s\r\n" % (len(PIECE), PIECE) if chunked else PIECE
    try:
        writer.write(head)
        first = asyncio.create_task(reader.readline())
        for _ in range(size // len(PIECE)):
            writer.write(frame)
            await writer.drain()
        return await asyncio.wait_for(first, 60)
    finally:
        writer.transport.abort()


def head(method: bytes, path: bytes, *headers: bytes) -> bytes:
    return b"%s %s HTTP/1.1\r\n%s%s\r\n" % (method, path, AS_ADA, b"".join(one + b"\r\n" for one in headers))


@asynccontextmanager
async def held(port: int, beginning: bytes, connections: int) -> AsyncIterator[None]:
    """Hold connections that send the beginning of a request, and then nothing."""
    opened = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(connections)))
    for _, writer in opened:
        writer.write(beginning)
    try:
        yield
        assert not any(reader.at_eof() for reader, _ in opened)
    finally:
        for _, writer in opened:
            writer.transport.abort()


async def unknown_routes(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        ada = {"Authorization": "Bearer a.b.c"}
        for method, path in (
            ("GET", "/v2"), ("GET", "/jobs/../../etc/passwd"), ("PUT", "/jobs"), ("TRACE", "/"),
            ("GET", "//" + "a" * 8000), ("POST", "/%00"), ("GET", "/v1/files/%2e%2e%2f%2e%2e"), ("DELETE", "/health"),
            ("X" * 20, "/queue"),
        ):  # fmt: skip
            answer = await client.request(method, path, headers=ada)
            assert answer.status_code in (400, 404, 405), (method, path[:40], answer.status_code)
            if not answer.headers["content-type"].startswith("text/plain"):  # uvicorn's own: no HTTP at all
                assert set(answer.json()["error"]) >= {"message", "type", "param", "code"}


async def large_bodies(port: int) -> None:
    length, chunks = b"Content-Length: %d" % GIB, b"Transfer-Encoding: chunked"
    form, document = b"Content-Type: multipart/form-data; boundary=b", b"Content-Type: application/json"
    part = b'%x\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n\r\n' % 71
    stranger = b"POST /start HTTP/1.1\r\nHost: h\r\n%s\r\n\r\n" % chunks
    answers = await asyncio.gather(
        send(port, head(b"POST", b"/start", length, document), GIB),
        send(port, head(b"POST", b"/start", chunks, document), GIB // 8, chunked=True),
        send(port, head(b"POST", b"/v1/files", length, form), GIB // 8),
        send(port, head(b"POST", b"/v1/files", chunks, form) + part, GIB // 8, chunked=True),
        send(port, head(b"POST", b"/no/such/route", chunks, document), GIB // 8, chunked=True),
        send(port, stranger, GIB // 8, chunked=True),
    )
    assert [int(line.split()[1]) for line in answers] == [413, 413, 413, 413, 404, 401]


async def healthy_until(port: int, work: Awaitable[None]) -> float:
    """Ask for the health again and again; return the longest time of an answer."""
    task, longest = asyncio.ensure_future(work), 0.0
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        while not task.done():
            began = time.monotonic()
            assert (await client.get("/health")).status_code == 200
            longest = max(longest, time.monotonic() - began)
            await asyncio.sleep(0.05)
    await task
    return longest


async def attack(port: int) -> None:
    slow_body = head(b"POST", b"/start", b"Content-Length: 900", b"Content-Type: application/json") + b'{"input'
    async with (
        held(port, b"", CONNECTIONS // 4),
        held(port, b"POST /start HTTP/1.1\r\nHo", CONNECTIONS // 2),
        held(port, slow_body, CONNECTIONS // 4),
    ):
        await unknown_routes(port)
        await large_bodies(port)


def test_nothing_falls_over(gateway: Gateway) -> None:
    idle = gateway.mib("VmRSS")
    longest = asyncio.run(healthy_until(gateway.port, attack(gateway.port)))
    peak = gateway.mib("VmHWM")
    print(f"health within {longest:.2f} s, {idle:.0f} MiB idle, {peak:.0f} MiB at most")
    assert longest < HEALTH_SECONDS
    assert peak - idle < MOST_MIB
