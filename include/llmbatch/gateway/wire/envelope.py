"""What is around every answer: its request id, its headers, and one shape for what no route foresaw."""

from __future__ import annotations

import asyncio
import logging
import re
import traceback
import uuid
from collections import Counter

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from llmbatch.gateway.wire.failures import Failure
from llmbatch.gateway.wire.handlers import answer_of, failure_of

REQUEST_ID = "x-request-id"
SINGLE = (b"authorization", b"content-length", b"content-type", b"host", b"idempotency-key", REQUEST_ID.encode())
"""Headers that a request may have once: two of them would be read in two ways by two programs."""

SEND_SECONDS = 120.0
"""Longest time in which a client takes no byte of an answer."""

_log = logging.getLogger(__name__)
_SANE = re.compile(r"[\w.:-]{1,128}", re.ASCII)


class Envelope:
    """Around all that answers in JSON. A client's own ``x-request-id`` comes back if it is a short word.

    An answer that breaks off after its start cannot become an error: then the connection is closed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        started = False

        async def send_in_envelope(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = request_id
                headers["x-content-type-options"] = "nosniff"
                headers.setdefault("cache-control", "no-store")
            async with asyncio.timeout(SEND_SECONDS):
                await send(message)

        try:
            _refuse_doubled_headers(scope)
            await self._app(scope, receive, send_in_envelope)
        except Exception as error:
            failure = failure_of(error)
            if failure.status == 500:
                _log.error(
                    "event=request_failed request_id=%s method=%s error=%s at=%s",
                    request_id,
                    scope["method"],
                    type(error).__name__,
                    _frames(error),
                )
            if started:
                raise ConnectionAbortedError(f"the answer to request {request_id} broke off") from None
            await answer_of(failure)(scope, receive, send_in_envelope)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == REQUEST_ID.encode() and _SANE.fullmatch(given := str(value, "latin-1")):
            return given
    return uuid.uuid4().hex


def _refuse_doubled_headers(scope: Scope) -> None:
    count = Counter(name for name, _ in scope["headers"])
    for name in SINGLE:
        if count[name] > 1:
            text = name.decode()
            raise Failure(400, f"The header {text} is there {count[name]} times. Send it once.", code="doubled_header")


def _frames(error: Exception) -> str:
    """Return where an error was raised, the innermost place last. The error's text is left out: it may hold a row."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return " > ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames)
