"""A proxy before an S3 server that misbehaves on request.

It keeps the Host header, so that signatures stay valid, and sends every request to the server at most once: what the
server has done is known. It holds whole bodies in memory; it is for tests of jobs, not for gigabytes.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from chaos.exchange import HOP_BY_HOP, Answer, Exchange, ExchangeServer
from chaos.fault import ActiveFault, Effect, Fault, Match, Request
from llmbatch.core.clock import Clock, SystemClock

_UPSTREAM_SECONDS = 120
_STOP_SECONDS = 0.05
"""How long it may take to notice that it is to stop."""
_CONTENTS = re.compile(rb"<Contents>.*?</Contents>", re.DOTALL)
_KEY = re.compile(rb"<Key>(.*?)</Key>", re.DOTALL)


class Hold(StrEnum):
    """Where the request is while a trap's action runs."""

    BEFORE_SERVER = "before_server"
    """The server has not seen it."""
    BEFORE_ANSWER = "before_answer"
    """The server has done it; the sender does not know yet."""
    NOWHERE = "nowhere"
    """It has passed; the action runs beside it."""


@dataclass
class Trap:
    """Runs ``action`` once, when the ``nth`` matching request passes. ``error`` is what the action raised."""

    match: Match
    nth: int
    hold: Hold
    action: Callable[[], None]
    seen: int = 0
    sprung: threading.Event = field(default_factory=threading.Event)
    """Set when the action has ended."""
    error: BaseException | None = None

    def spring(self) -> None:
        """Run the action."""
        try:
            self.action()
        except BaseException as error:
            self.error = error
        finally:
            self.sprung.set()


@dataclass(frozen=True)
class Write:
    """A write that the server has carried out."""

    method: str
    key: str


class S3Proxy:
    """The proxy and its control interface. Start it with ``with``; every method may be called from any thread."""

    def __init__(self, port: int, upstream_port: int, clock: Clock | None = None) -> None:
        self._upstream_port = upstream_port
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._faults: list[ActiveFault] = []
        self._traps: list[Trap] = []
        self._writes: list[Write] = []
        self._newest: deque[str] = deque(maxlen=1000)
        self._server = ExchangeServer(port, self._serve)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_STOP_SECONDS,), name="s3-proxy", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where clients reach the proxy."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def errors(self) -> list[str]:
        """Bugs that the proxy met in itself."""
        return self._server.errors

    def inject(self, *faults: Fault) -> None:
        """Set faults. Of several that fit a request, the one that was set first hits it."""
        now = self._clock.monotonic()
        with self._lock:
            self._faults.extend(ActiveFault(fault, now) for fault in faults)

    def trap(self, match: Match, action: Callable[[], None], *, nth: int = 1, hold: Hold = Hold.NOWHERE) -> Trap:
        """Run ``action`` once, when the ``nth`` matching request passes."""
        trap = Trap(match, nth, hold, action)
        with self._lock:
            self._traps.append(trap)
        return trap

    def reset(self) -> None:
        """Behave well again, and forget all traps and writes."""
        with self._lock:
            self._faults.clear()
            self._traps.clear()
            self._writes.clear()

    def writes(self, key: str) -> list[Write]:
        """Return the writes to keys that hold the pattern, oldest first."""
        with self._lock:
            return [write for write in self._writes if re.search(key, write.key)]

    def _serve(self, exchange: Exchange) -> None:
        """Take one request to its end. Traps come first, so that a fault that one sets hits this very request."""
        request = exchange.request_seen
        traps = self._sprung_by(request)
        _spring(traps, Hold.BEFORE_SERVER)
        fault = self._fault_for(request)
        effect = fault.effect if fault else None
        if fault and effect is Effect.REFUSE:
            exchange.send(_refusal(fault))
            return
        if effect is Effect.CUT_BEFORE:
            exchange.cut()
            return
        if fault and effect is Effect.SILENCE:
            time.sleep(fault.amount)
            exchange.cut()
            return
        if fault and effect is Effect.DELAY:
            time.sleep(fault.amount)
        if fault and effect is Effect.THROTTLE:
            time.sleep(len(request.body) / fault.amount)
        try:
            answer = self._forward(exchange)
        except (OSError, http.client.HTTPException):
            exchange.cut()  # as a dead server does
            return
        self._note(request, answer)
        _spring(traps, Hold.NOWHERE)
        _spring(traps, Hold.BEFORE_ANSWER)
        if effect is Effect.CUT_AFTER:
            exchange.cut()
            return
        if fault and effect is Effect.HIDE_NEWEST:
            answer = self._without_newest(answer, int(fault.amount))
        rate = fault.amount if fault and effect is Effect.THROTTLE else 0.0
        exchange.send(answer, half=effect is Effect.CUT_BODY, rate=rate)

    def _sprung_by(self, request: Request) -> list[Trap]:
        with self._lock:
            fitting = [trap for trap in self._traps if trap.match.fits(request)]
            for trap in fitting:
                trap.seen += 1
            return [trap for trap in fitting if trap.seen == trap.nth]

    def _fault_for(self, request: Request) -> Fault | None:
        now = self._clock.monotonic()
        with self._lock:
            return next((active.fault for active in self._faults if active.takes(request, now)), None)

    def _forward(self, exchange: Exchange) -> Answer:
        body = exchange.request_seen.body
        connection = http.client.HTTPConnection("127.0.0.1", self._upstream_port, timeout=_UPSTREAM_SECONDS)
        try:
            connection.putrequest(exchange.command, exchange.path, skip_host=True, skip_accept_encoding=True)
            for name, value in exchange.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    connection.putheader(name, value)
            if body or exchange.command in {"PUT", "POST"}:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            reply = connection.getresponse()
            headers = tuple(reply.getheaders())
            return Answer(reply.status, reply.reason, headers, reply.read())
        finally:
            connection.close()

    def _note(self, request: Request, answer: Answer) -> None:
        if not request.is_write or answer.status >= 300:
            return
        with self._lock:
            self._writes.append(Write(request.method, request.key))
            if request.method == "PUT":
                self._newest.append(request.key)

    def _without_newest(self, answer: Answer, count: int) -> Answer:
        with self._lock:
            hidden = set(list(self._newest)[-count:])

        def kept(entry: re.Match[bytes]) -> bytes:
            key = _KEY.search(entry[0])
            return b"" if key and unquote(key[1].decode()) in hidden else entry[0]

        return Answer(answer.status, answer.reason, answer.headers, _CONTENTS.sub(kept, answer.body))


def _spring(traps: list[Trap], hold: Hold) -> None:
    for trap in traps:
        if trap.hold is not hold:
            continue
        if hold is Hold.NOWHERE:
            threading.Thread(target=trap.spring, name="trap", daemon=True).start()
        else:
            trap.spring()


def _refusal(fault: Fault) -> Answer:
    body = f"<Error><Code>{fault.code}</Code><Message>chaos: {fault.code}</Message></Error>".encode()
    return Answer(fault.status, "Chaos", (("Content-Type", "application/xml"),), body)
