"""Who calls, found out before a byte of the body is read: FastAPI reads declared bodies before it checks anything.

A browser sends Airflow's cookie with every request, so a page of another site could use it to ask for changes in the
name of the user who looks at that page. Airflow sets its cookie with ``SameSite=lax``. That does not keep out other
ports and hosts of the same site, and not every auth manager sets it. So a change that is requested with the cookie must
come from our own pages.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from llmbatch.gateway.access.access import Access
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.wire.failures import Failure

TOKEN_COOKIE = "_token"  # nosec B105 # a name
"""Cookie in which Airflow's UI keeps its token."""

OPEN = frozenset({"/health", "/docs", "/openapi.json"})
"""Routes that need no caller."""

PATIENT = frozenset({"/metrics"})
"""Routes that known callers may use while Airflow or the store does not work."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

_OWN_SITES = frozenset({"same-origin", "none"})
"""Values of ``Sec-Fetch-Site`` for requests of our pages, and of a person at the address bar."""


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
            _require_own_pages(request)
            caller_of = access.known_caller if path in PATIENT else access.caller
            request.state.caller = await caller_of(
                request.headers.get("authorization"), request.cookies.get(TOKEN_COOKIE)
            )
        await self._app(scope, receive, send)


def _require_own_pages(request: Request) -> None:
    """Refuse a change that a page of another origin asks for with the cookie. Raises ``Failure`` 403.

    Browsers send ``Sec-Fetch-Site`` to trustworthy addresses (https, localhost), and ``Origin`` with each change to
    all; no script can set either. A client that sends neither is no browser, and has only its own cookie.
    """
    headers = request.headers
    if request.method in SAFE or "authorization" in headers or TOKEN_COOKIE not in request.cookies:
        return
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        is_own = site in _OWN_SITES
    else:
        # behind a proxy, Host may be that of the proxy's own request
        hosts = {headers.get(name, "").lower() for name in ("host", "x-forwarded-host")}
        is_own = origin is None or _host_of(origin) in hosts
    if not is_own:
        raise Failure(
            403,
            "A page of another site asked for this change with the cookie of Airflow's UI. Ask on the pages of "
            "llmbatch, or send 'Authorization: Bearer <token or API key>'.",
            type="permission_error",
            code="other_site",
        )


def _host_of(origin: str) -> str | None:
    """Return the host and port of an origin; None for ``null`` and for what is none."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def authenticated(request: Request) -> Caller:
    """Return the caller of a request that came through ``Authentication``."""
    caller: Caller = request.state.caller
    return caller
