"""Calls the gateway: repeats what it may, polls with ETags, and turns every failure into one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from types import TracebackType
from typing import Self

import httpx
from pydantic import JsonValue, TypeAdapter, ValidationError

from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.core.shown import shown

Query = Mapping[str, str | int]
Sleep = Callable[[float], None]

ATTEMPTS = 5
"""Times that one request is sent while the service answers 429 or 503."""
LONGEST_WAIT = 30.0
"""Most seconds between two of them, whatever ``Retry-After`` has."""
TIMEOUT = httpx.Timeout(60.0, connect=10.0)

_REPEATED = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_EXITS = {401: Exit.UNAUTHORISED, 403: Exit.UNAUTHORISED, 404: Exit.NOT_FOUND, 429: Exit.UNAVAILABLE}
_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


class Gateway:
    """One gateway as one user; a context manager. Every call raises ``CommandError``.

    Args:
        host: address of the gateway.
        key: API key or token; empty for routes that need none.
        transport: in place of the network.
        sleep: waits a number of seconds.
    """

    def __init__(self, host: str, key: str, *, transport: httpx.BaseTransport | None, sleep: Sleep) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(base_url=host, headers=headers, timeout=TIMEOUT, transport=transport)
        self._host, self._sleep = host, sleep
        self._seen: dict[str, tuple[str, JsonValue]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, query: Query | None = None) -> JsonValue:
        """Return the JSON of an answer."""
        return _json(self._sent(self._client.build_request("GET", path, params=query)))

    def text(self, path: str, query: Query) -> str:
        """Return the text of an answer."""
        return self._sent(self._client.build_request("GET", path, params=query)).text

    def poll(self, path: str) -> JsonValue:
        """Return the JSON of an answer; one that the server has not changed since the last call is not sent again."""
        etag, known = self._seen.get(path, ("", None))
        answer = self._sent(self._client.build_request("GET", path, headers={"If-None-Match": etag} if etag else {}))
        if answer.status_code == HTTPStatus.NOT_MODIFIED:
            return known
        found = _json(answer)
        if "etag" in answer.headers:
            self._seen[path] = (answer.headers["etag"], found)
        return found

    def post(self, path: str, body: Mapping[str, JsonValue], headers: Mapping[str, str] | None = None) -> JsonValue:
        """Send a document. It is repeated while the service is not available, so it must be one that may be."""
        return _json(self._sent(self._client.build_request("POST", path, json=dict(body), headers=headers)))

    def delete(self, path: str) -> JsonValue:
        """Delete a resource."""
        return _json(self._sent(self._client.build_request("DELETE", path)))

    def upload(self, request: Callable[[httpx.Client], httpx.Request]) -> JsonValue:
        """Send a request with a streamed body, once."""
        return _json(self._checked(self._once(request(self._client))))

    @contextmanager
    def stream(self, path: str) -> Iterator[httpx.Response]:
        """Yield an answer whose body is still to be read."""
        answer = self._sent(self._client.build_request("GET", path), is_stream=True)
        try:
            yield answer
        except httpx.TransportError as error:
            raise self._unreachable(error) from None
        finally:
            answer.close()

    def date(self) -> str | None:
        """Return the header ``Date`` of the server."""
        headers = self._once(self._client.build_request("GET", "/health")).headers
        return str(headers["date"]) if "date" in headers else None

    def health(self) -> JsonValue:
        """Return the document of ``GET /health``, also if it has status 503."""
        answer = self._once(self._client.build_request("GET", "/health"))
        is_report = answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and "error" not in answer.text[:20]
        return _json(answer if is_report else self._checked(answer))

    def _sent(self, request: httpx.Request, *, is_stream: bool = False) -> httpx.Response:
        attempt = 1
        while True:
            answer = self._once(request, is_stream=is_stream)
            if answer.status_code not in _REPEATED or attempt == ATTEMPTS:
                return self._checked(answer)
            answer.close()
            self._sleep(_pause(answer, attempt))
            attempt += 1

    def _once(self, request: httpx.Request, *, is_stream: bool = False) -> httpx.Response:
        try:
            return self._client.send(request, stream=is_stream)
        except httpx.TransportError as error:
            raise self._unreachable(error) from None

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success or answer.status_code == HTTPStatus.NOT_MODIFIED:
            return answer
        try:
            answer.read()
        except httpx.TransportError as error:
            raise self._unreachable(error) from None
        status = answer.status_code
        code = _EXITS.get(status, Exit.UNAVAILABLE if status >= 500 else Exit.FAILED)
        text = _message(answer) or f"{shown(self._host)} answered {status} without a reason. Is it a llmbatch gateway?"
        if status == HTTPStatus.UNAUTHORIZED:
            text += " Run `llmbatch login`, or set LLMBATCH_API_KEY."
        raise CommandError(text, code)

    def _unreachable(self, error: httpx.TransportError) -> CommandError:
        reason = shown(error, 200) or type(error).__name__
        text = f"{shown(self._host)} does not answer: {reason}. Check the address and the network, then repeat."
        return CommandError(text, Exit.UNAVAILABLE)


def _pause(answer: httpx.Response, attempt: int) -> float:
    asked = answer.headers.get("retry-after", "")
    return min(LONGEST_WAIT, float(asked) if asked.isdigit() else 2.0**attempt)


def _json(answer: httpx.Response) -> JsonValue:
    try:
        return _JSON.validate_json(answer.content)
    except ValidationError:
        where = shown(answer.request.url, 200)
        raise CommandError(f"{where} did not answer with JSON. Is it a llmbatch gateway?", Exit.UNAVAILABLE) from None


def _message(answer: httpx.Response) -> str:
    """Return the message of the one shape of errors; empty if the answer has another."""
    try:
        found = json.loads(answer.content)
        message = found["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return ""
    return shown(message) if isinstance(message, str) else ""
