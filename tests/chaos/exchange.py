"""HTTP as the proxy needs it: one request in whole, and an answer that can be cut off."""

from __future__ import annotations

import socket
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from chaos.fault import Request

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "expect"})
"""Headers that belong to one connection; the proxy makes its own."""

_SLICE_SECONDS = 0.1


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class ExchangeServer(ThreadingHTTPServer):
    """Accepts connections on the loopback interface and hands each request to ``serve``.

    What goes wrong in ``serve`` itself is kept in ``errors``; a client that goes away is nothing wrong.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, serve: Callable[[Exchange], None]) -> None:
        super().__init__(("127.0.0.1", port), Exchange)
        self.serve = serve
        self.errors: list[str] = []
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep the traceback of a bug."""
        self.errors.append(traceback.format_exc())

    def opened(self, connection: socket.socket) -> None:
        """Note a client's connection."""
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a client's connection."""
        with self._lock:
            self._open.discard(connection)

    def hang_up(self) -> None:
        """Close all connections."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Exchange(BaseHTTPRequestHandler):
    """One client's connection, at its current request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ExchangeServer

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def finish(self) -> None:
        self.server.closed(self.connection)
        with suppress(OSError):
            super().finish()

    def any_method(self) -> None:
        """Read the request and have it served."""
        url = urlsplit(self.path)
        key = unquote(url.path).lstrip("/").partition("/")[2]
        self.request_seen = Request(self.command, key, url.query, self._body())
        self.server.serve(self)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = any_method

    def cut(self) -> None:
        """Close the connection without another word."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def send(self, answer: Answer, *, half: bool = False, rate: float = 0.0) -> None:
        """Send an answer: only half of its body, or at ``rate`` bytes a second."""
        length = {name.lower(): value for name, value in answer.headers}.get("content-length")
        lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
        lines += [f"{name}: {value}" for name, value in answer.headers if name.lower() not in HOP_BY_HOP]
        lines.append(f"Content-Length: {length if self.command == 'HEAD' and length else len(answer.body)}")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        body = b"" if self.command == "HEAD" else answer.body
        try:
            if half:
                self.wfile.write(head + body[: len(body) // 2])
                self.cut()
            elif rate:
                self.wfile.write(head)
                step = max(1, int(rate * _SLICE_SECONDS))
                for start in range(0, len(body), step):
                    self.wfile.write(body[start : start + step])
                    time.sleep(_SLICE_SECONDS)
            else:
                self.wfile.write(head + body)
        except OSError:
            self.close_connection = True  # the client is gone

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)
