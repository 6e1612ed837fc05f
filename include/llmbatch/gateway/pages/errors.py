"""Errors of pages as pages: a person who opens an address gets a sentence and a way on, never JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from llmbatch.gateway.jobs.view import airflow_address
from llmbatch.gateway.pages.pages import View, page
from llmbatch.gateway.wire.envelope import REQUEST_ID

PREFIX = "/ui/"

_MOST_BODY = 65_536
_KEPT = (REQUEST_ID, "cache-control", "retry-after", "x-content-type-options")
_TITLES = {
    401: "Your session has ended",
    403: "You may not see this",
    404: "There is nothing here",
    500: "llmbatch failed to show this",
    503: "llmbatch does not answer now",
}


class PageErrors:
    """Around the envelope: an error that answers the address bar is shown as a page. Polls of scripts keep their JSON.

    Args:
        app: the application inside.
        airflow_url: returns the address of Airflow's UI, where people log in; empty on the same server.
    """

    def __init__(self, app: ASGIApp, airflow_url: Callable[[], str]) -> None:
        self._app, self._airflow_url = app, airflow_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if not _is_visit(scope):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = b""

        async def keep_errors(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and message["status"] >= HTTPStatus.BAD_REQUEST:
                start = message
            elif start is None:
                await send(message)
            else:
                body = (body + message.get("body", b""))[:_MOST_BODY]

        await self._app(scope, receive, keep_errors)
        if start is not None:
            await self._shown(start, _message_in(body), Request(scope))(scope, receive, send)

    def _shown(self, start: Message, message: str, request: Request) -> Response:
        status, headers = int(start["status"]), Headers(raw=start["headers"])
        root = str(request.scope.get("root_path", "")).rstrip("/")
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        airflow_url = airflow_address(self._airflow_url(), root)
        login = f"{airflow_url}/api/v2/auth/login?next={quote(here, safe='')}"
        answer = page(
            "error.html",
            View(root, airflow_url, ""),
            title=_TITLES.get(status, "This did not work"),
            message=message,
            request_id=headers.get(REQUEST_ID, "") if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "",
            login=login if status == HTTPStatus.UNAUTHORIZED else "",
        )
        answer.status_code = status
        answer.headers.update({name: headers[name] for name in _KEPT if name in headers})
        return answer


def _is_visit(scope: Scope) -> bool:
    """Whether a browser asks for something to show, by its header ``Accept``."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    path = str(scope["path"]).removeprefix(str(scope.get("root_path", "")))
    return path.startswith(PREFIX) and "text/html" in Request(scope).headers.get("accept", "")


def _message_in(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return "The log of llmbatch has the reason."
