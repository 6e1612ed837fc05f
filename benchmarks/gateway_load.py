"""Requests to an HTTP server over connections that are kept: at a fixed rate, or as fast as it answers."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

OK, NOT_MODIFIED = 200, 304


@dataclass
class Load:
    """What was measured. Seconds of each good answer by route, and the other answers by status.

    ``not_modified`` counts the good answers of status 304.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    not_modified: int = 0
    elapsed: float = 0.0

    @property
    def answers(self) -> int:
        """Good answers."""
        return sum(len(each) for each in self.seconds.values())

    def quantile_ms(self, share: float, route: str | None = None) -> float:
        """Return a quantile of the seconds of one route or of all, in milliseconds."""
        if route is None:
            found = sorted(itertools.chain.from_iterable(self.seconds.values()))
        else:
            found = sorted(self.seconds[route])
        return round(1000 * found[min(len(found) - 1, int(share * len(found)))], 1) if found else 0.0


class Connection:
    """One connection to the server, opened again if the server has closed it."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._streams = port, None  # type: int, tuple[asyncio.StreamReader, asyncio.StreamWriter] | None
        self._head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"

    async def get(self, path: str, etag: str = "") -> tuple[int, str]:
        """Send a request, read its answer, and return the status and the ETag, 0 without an answer.

        Args:
            path: what is asked for.
            etag: that of the answer before, for 304 if it is still the same.
        """
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        condition = f"If-None-Match: {etag}\r\n" if etag else ""
        try:
            writer.write(f"GET {path} HTTP/1.1\r\n{self._head}{condition}\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1])
            if status != NOT_MODIFIED:
                await reader.readexactly(int(_header(head, b"content-length")))
        except (OSError, ValueError, asyncio.IncompleteReadError):
            self._streams = None
            return 0, ""
        return status, _header(head, b"etag").decode()

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()


async def at_rate(
    port: int,
    token: str,
    paths: Iterator[tuple[str, str]],
    rate: float,
    seconds: float,
    etags: dict[str, str] | None = None,
) -> Load:
    """Send ``rate`` requests a second, whatever the answers take. Their time counts from when they were due.

    Args:
        port: of the server.
        token: of the caller.
        paths: name of the route and path of each request.
        rate: requests a second.
        seconds: how long.
        etags: ETag of the last answer by path, which requests name and which are kept there; None: they name none.
    """
    load, free = Load(), asyncio.LifoQueue[Connection]()
    made: list[Connection] = []
    began = time.monotonic()

    async def one(due: float, route: str, path: str) -> None:
        if free.empty():
            made.append(Connection(port, token))
            free.put_nowait(made[-1])
        connection = free.get_nowait()
        status, etag = await connection.get(path, (etags or {}).get(path, ""))
        if etags is not None and etag:
            etags[path] = etag
        free.put_nowait(connection)
        _count(load, status, route, time.monotonic() - due)

    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            group.create_task(one(due, *next(paths)))
    load.elapsed = time.monotonic() - began
    for connection in made:
        connection.close()
    return load


async def as_fast_as_it_answers(
    port: int, token: str, paths: Iterator[tuple[str, str]], connections: int, seconds: float
) -> Load:
    """Send a request over each connection as soon as the last one is answered."""
    load, began = Load(), time.monotonic()

    async def work() -> None:
        connection = Connection(port, token)
        while (due := time.monotonic()) < began + seconds:
            route, path = next(paths)
            status, _ = await connection.get(path)
            _count(load, status, route, time.monotonic() - due)
        connection.close()

    await asyncio.gather(*(work() for _ in range(connections)))
    load.elapsed = time.monotonic() - began
    return load


def _count(load: Load, status: int, route: str, seconds: float) -> None:
    if status in {OK, NOT_MODIFIED}:
        load.seconds[route].append(seconds)
        load.not_modified += status == NOT_MODIFIED
    else:
        load.errors[f"{route} {status}"] += 1


def _header(head: bytes, name: bytes) -> bytes:
    """Return the value of a header, empty without it."""
    for line in head.split(b"\r\n"):
        found, _, value = line.partition(b":")
        if found.lower() == name:
            return value.strip()
    return b""
