"""The body of a request: its size, its speed, and whether it is JSON that every program reads alike."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable

from fastapi import Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SILENT_SECONDS = 30.0
"""Longest time without a byte of a body."""

LEAST_BYTES_PER_SECOND = 1024
"""A body may be slower than this for ``SILENT_SECONDS`` in all."""

DEEPEST = 100
"""Levels of nested JSON: what works on a document calls itself at each level."""

_STATE = "llmbatch.body"


class RequestBody:
    """Guards the bodies of requests while a route reads them.

    Args:
        app: the application inside.
        limit: returns the largest body in bytes, unless the route calls ``allow_body``.
        silent_seconds: the longest time without a byte.
    """

    def __init__(self, app: ASGIApp, limit: Callable[[], int], silent_seconds: float = SILENT_SECONDS) -> None:
        self._app, self._limit, self._silent = app, limit, silent_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(Headers(scope=scope), receive, self._limit(), self._silent)
        scope.setdefault("state", {})[_STATE] = body
        await self._app(scope, body.receive, send)


def allow_body(request: Request, limit: int) -> None:
    """Let a route read a larger body, of ``limit`` bytes. Call it before the first byte is read.

    So the route must read the body itself: FastAPI reads declared bodies and forms before it calls the route.
    """
    body: _Body = request.scope["state"][_STATE]
    body.limit = limit


class _Body:
    def __init__(self, headers: Headers, receive: Receive, limit: int, silent: float) -> None:
        self.limit = limit
        self._receive, self._silent = receive, silent
        self._announced = headers.get("content-length", "0")
        self._json: bytearray | None = bytearray() if _is_json(headers.get("content-type", "")) else None
        self._bytes, self._ended = 0, False
        self._started: float | None = None

    async def receive(self) -> Message:
        """Return the next message of the client. Raises ``HTTPException`` 400, 408 or 413."""
        if self._ended:
            return await self._receive()
        if self._started is None:
            self._started = time.monotonic()
            self._check_size(int(self._announced[:20]) if self._announced.isdecimal() else 0)
        message = await self._next(self._started)
        if message["type"] != "http.request":
            return message
        chunk: bytes = message.get("body", b"")
        self._bytes += len(chunk)
        self._check_size(self._bytes)
        self._ended = not message.get("more_body", False)
        if self._json is not None:
            self._json += chunk
            if self._ended:
                _check_json(bytes(self._json))
        return message

    async def _next(self, started: float) -> Message:
        allowed = self._silent + self._bytes / LEAST_BYTES_PER_SECOND
        left = min(self._silent, started + allowed - time.monotonic())
        try:
            async with asyncio.timeout(max(left, 0)):
                return await self._receive()
        except TimeoutError:
            raise HTTPException(408, "The body of this request comes too slowly. Send it again.") from None

    def _check_size(self, size: int) -> None:
        if size > self.limit:
            raise HTTPException(413, f"The body of this request is larger than {self.limit} bytes.")


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _check_json(body: bytes) -> None:
    """Refuse what Python's parser takes and others do not: NaN, infinite numbers, half characters, deep nesting."""
    if not body:
        return
    try:
        value = json.loads(body)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        problem = str(error) if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise HTTPException(400, f"The body of this request is not JSON in UTF-8: {problem}.") from None
    if _is_deeper(value, DEEPEST):
        raise HTTPException(400, f"The JSON of this request has more than {DEEPEST} levels.")


def _is_deeper(value: object, levels: int) -> bool:
    row = [value]
    for _ in range(levels):
        row = [inner for one in row for inner in _inside(one)]
        if not row:
            return False
    return True


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
