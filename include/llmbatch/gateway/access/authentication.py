"""Who calls, found out before a byte of the body is read: FastAPI reads declared bodies before it checks anything."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from llmbatch.gateway.access.access import Access
from llmbatch.gateway.access.caller import Caller

TOKEN_COOKIE = "_token"
"""Cookie in which Airflow's UI keeps its token."""

OPEN = frozenset({"/health", "/docs", "/openapi.json"})
"""Routes that need no caller."""

PATIENT = frozenset({"/metrics"})
"""Routes that known callers may use while Airflow or the store does not work."""


class Authentication:
    """Refuses requests without valid credentials, for known and unknown routes alike.

    Args:
        app: the application inside.
        access: returns what resolves credentials.
    """

    def __init__(self, app: ASGIApp, access: Callable[[], Access]) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Raises ``Failure``."""
        path = scope["path"].removeprefix(scope.get("root_path", "")) if scope["type"] == "http" else None
        if path is not None and path not in OPEN:
            request, access = Request(scope), self._access()
            caller_of = access.known_caller if path in PATIENT else access.caller
            request.state.caller = await caller_of(
                request.headers.get("authorization"), request.cookies.get(TOKEN_COOKIE)
            )
        await self._app(scope, receive, send)


def authenticated(request: Request) -> Caller:
    """Return the caller of a request that came through ``Authentication``."""
    caller: Caller = request.state.caller
    return caller
