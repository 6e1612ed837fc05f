"""Connections of a gateway that runs alone."""

from __future__ import annotations

import asyncio
import resource
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import uvicorn

from fakes.certificates import Certificates
from fakes.gateway import fake_gateway
from llmbatch.gateway import connections
from llmbatch.gateway.connections import PatientProtocol, raise_file_limit

HEAD = 0.3


class Hasty(PatientProtocol):
    head_seconds = rest_seconds = take_seconds = HEAD


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def served(
    listener: socket.socket, clients: Callable[[int], Awaitable[None]], certificates: Certificates | None = None
) -> None:
    """Run clients, which get the port, against a server, with TLS if it has certificates."""
    tls = {} if certificates is None else {"ssl_certfile": certificates.certificate, "ssl_keyfile": certificates.key}

    async def run() -> None:
        config = uvicorn.Config(
            fake_gateway().client.app,
            http=Hasty,
            ws="none",
            lifespan="off",
            log_config=None,
            limit_concurrency=4096,
            **tls,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        try:
            await clients(listener.getsockname()[1])
        finally:
            server.should_exit = True
            await serving

    asyncio.run(run())


async def answer_to(port: int, *pieces: bytes, pause: float = 0, tls: ssl.SSLContext | None = None) -> bytes:
    """Send the pieces of a request; return what came back before the server closed the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        return await asyncio.wait_for(reader.read(), 30)
    except ConnectionError:
        return b""
    finally:
        writer.close()


HEALTH = b"GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


def test_it_speaks_https_and_ends_silent_clients_there_too(listener: socket.socket, tmp_path: Path) -> None:
    certificates = Certificates.make(tmp_path)
    trusting = ssl.create_default_context(cafile=certificates.ca)

    async def clients(port: int) -> None:
        assert b" 200 " in (await answer_to(port, HEALTH, tls=trusting)).splitlines()[0]
        assert await answer_to(port, tls=trusting) == b""
        assert await answer_to(port, HEALTH) == b""
        with pytest.raises(ssl.SSLCertVerificationError):
            await answer_to(port, HEALTH, tls=ssl.create_default_context())

    served(listener, clients, certificates)


def test_silent_and_slow_clients_are_ended(listener: socket.socket) -> None:
    async def clients(port: int) -> None:
        started = time.monotonic()
        assert await answer_to(port) == b""
        assert await answer_to(port, *(bytes([one]) for one in HEALTH), pause=0.05) == b""
        assert time.monotonic() - started < 20

    served(listener, clients)


def test_a_client_that_is_answered_may_not_go_on_with_its_body(listener: socket.socket) -> None:
    """The routes refuse it before its body; each later byte ended uvicorn's own limit of a silent connection."""

    async def clients(port: int) -> None:
        began = time.monotonic()
        refused = await answer_to(port, b"POST /keys HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n", b"1", pause=0.1)
        assert b" 401 " in refused.splitlines()[0]
        assert time.monotonic() - began < 10

    served(listener, clients)


def test_an_empty_line_is_no_request(listener: socket.socket) -> None:
    async def clients(port: int) -> None:
        began = time.monotonic()
        first = HEALTH.replace(b"Connection: close\r\n", b"")
        assert b"200 OK" in await answer_to(port, first, b"\r\n", pause=0.1)
        assert time.monotonic() - began < 10

    served(listener, clients)


def test_a_client_that_takes_no_answer_is_ended(listener: socket.socket) -> None:
    async def clients(port: int) -> None:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(ask_for_ever(client), 20)

    async def ask_for_ever(client: socket.socket) -> None:
        while True:  # the answers fill the buffers of both sides
            await asyncio.get_running_loop().sock_sendall(client, b"GET /openapi.json HTTP/1.1\r\nHost: h\r\n\r\n")
            await asyncio.sleep(0.01)

    served(listener, clients)


def test_a_second_request_has_its_own_time(listener: socket.socket) -> None:
    async def clients(port: int) -> None:
        first = HEALTH.replace(b"Connection: close\r\n", b"")
        both = await answer_to(port, first, HEALTH, pause=HEAD * 2)
        assert both.count(b"200 OK") == 2

    served(listener, clients)


def test_a_thousand_open_connections_do_not_stop_a_request(listener: socket.socket) -> None:
    raise_file_limit(4096)

    async def clients(port: int) -> None:
        held = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(1000)))
        for _, writer in held:
            writer.write(b"POST /keys HTTP/1.1\r\nHost: h\r\n")
        assert b"200 OK" in await answer_to(port, HEALTH)
        for reader, writer in held:
            assert await reader.read() == b""
            writer.close()

    served(listener, clients)


def test_the_limit_of_files_is_raised_as_far_as_the_system_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []
    for limits in ((1024, 2048), (1024, 10**6), (10**6, 10**6), (1024, resource.RLIM_INFINITY)):
        monkeypatch.setattr(connections.resource, "getrlimit", lambda _, limits=limits: limits)
        monkeypatch.setattr(connections.resource, "setrlimit", lambda _, limits: given.append(limits))
        raise_file_limit(4096)
    assert given == [(2048, 2048), (4352, 10**6), (4352, resource.RLIM_INFINITY)]
