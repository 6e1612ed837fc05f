"""The gateway inside of Airflow's api-server.

Every Airflow process imports this module with the plugin, and only the api-server serves it. So it imports nothing, and
builds the application at the first request. Airflow starts no ``lifespan`` of it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_log = logging.getLogger(__name__)

_BROKEN = (
    b'{"error": {"message": "llmbatch cannot start here. The log of the api-server has the reason.", '
    b'"type": "server_error", "param": null, "code": "unavailable"}}'
)


class MountedGateway:
    """An ASGI application that is built when it is first called.

    Args:
        build: makes the application for the api-server that the first request came through; it may block, and is
            called again at the next request if it fails.
    """

    def __init__(self, build: Callable[[ASGIApp], ASGIApp]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._app: ASGIApp | None = None

    def __repr__(self) -> str:
        return "llmbatch.gateway"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. ``scope["app"]`` is the api-server's own application: only Starlette sets it."""
        app = self._app
        if app is None:
            try:
                app = await asyncio.to_thread(self._built, scope["app"])
            except Exception:
                _log.exception("event=gateway_not_built")
                await _answer_broken(scope, send)
                return
        await app(scope, receive, send)

    def _built(self, api_server: ASGIApp) -> ASGIApp:
        with self._lock:
            if self._app is None:
                self._app = self._build(api_server)
            return self._app


def _gateway_in(api_server: ASGIApp) -> ASGIApp:
    from llmbatch.gateway.assembly import inside_of

    return inside_of(api_server)


async def _answer_broken(scope: Scope, send: Send) -> None:
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"application/json"), (b"retry-after", b"5")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": _BROKEN})


MOUNTED = MountedGateway(_gateway_in)
"""What the plugin mounts at ``/llmbatch``."""
