"""Size, speed and JSON of bodies."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from pydantic import JsonValue
from starlette.types import Message

from llmbatch.gateway.wire.envelope import Envelope
from llmbatch.gateway.wire.handlers import handle_errors
from llmbatch.gateway.wire.request_body import DEEPEST, RequestBody, allow_body

LIMIT, UPLOAD = 100, 1000


def application(silent_seconds: float = 30) -> FastAPI:
    app = FastAPI()

    @app.post("/json")
    async def take(body: dict[str, JsonValue]) -> int:
        return len(body)

    @app.post("/upload")
    async def upload(request: Request) -> int:
        allow_body(request, UPLOAD)
        return sum([len(chunk) async for chunk in request.stream()])

    @app.post("/unread")
    async def unread() -> str:
        return "done"

    handle_errors(app)
    app.add_middleware(RequestBody, limit=lambda: LIMIT, silent_seconds=silent_seconds)
    app.add_middleware(Envelope)
    return app


@pytest.fixture
def client() -> TestClient:
    return TestClient(application())


def chunks(total: int) -> Iterator[bytes]:
    yield from (b" " for _ in range(total))


def test_a_body_within_the_limit(client: TestClient) -> None:
    assert client.post("/json", content=b'{"a": 1}'.ljust(LIMIT), headers=JSON).json() == 1


JSON = {"content-type": "application/json"}


def test_an_announced_body_that_is_too_large(client: TestClient) -> None:
    answer = client.post("/json", content=b'{"a": 1}'.ljust(LIMIT + 1), headers=JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")
    assert str(LIMIT) in answer.json()["error"]["message"]


def test_a_body_without_length_is_counted(client: TestClient) -> None:
    assert client.post("/upload", content=chunks(UPLOAD)).json() == UPLOAD
    assert client.post("/upload", content=chunks(UPLOAD + 1)).status_code == 413
    assert client.post("/json", content=chunks(LIMIT + 1), headers=JSON).status_code == 413


def test_an_upload_route_declares_its_own_limit(client: TestClient) -> None:
    assert client.post("/upload", content=b"x" * UPLOAD).json() == UPLOAD
    assert client.post("/upload", content=b"x" * (UPLOAD + 1)).status_code == 413


@pytest.mark.parametrize("announced", ["9" * 5000, "-1", "x", ""])
def test_a_hostile_length(client: TestClient, announced: str) -> None:
    answer = client.post("/json", content=b"{}", headers={**JSON, "content-length": announced})
    assert answer.status_code in {200, 413}


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": "\xff"}',
        b'{"a": 1',
        b'{"a": ' + b"9" * 90 + b"x}",
    ],
)
def test_what_is_not_json_for_every_program(client: TestClient, body: bytes) -> None:
    answer = client.post("/json", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_a_number_of_many_digits_and_deep_nesting() -> None:
    app = FastAPI()

    @app.post("/json")
    async def take(body: dict[str, JsonValue]) -> int:
        return len(body)

    handle_errors(app)
    app.add_middleware(RequestBody, limit=lambda: 1_000_000)
    client = TestClient(app)
    for hostile in (b'{"a": ' + b"9" * 5000 + b"}", b'{"a": ' * 50_000, b'{"a":' * DEEPEST + b"{}" + b"}" * DEEPEST):
        assert client.post("/json", content=hostile, headers=JSON).status_code == 400
    fine = b'{"a":' * 90 + b"{}" + b"}" * 90
    assert client.post("/json", content=fine, headers=JSON).status_code == 200


def test_a_route_that_reads_no_body_does_not_care(client: TestClient) -> None:
    assert client.post("/unread", content=b"x" * 10 * LIMIT).json() == "done"


def served(messages: list[tuple[float, Message]], silent_seconds: float) -> int:
    """Return the status that a client gets whose messages come after so many seconds each."""
    sent: list[Message] = []

    async def receive() -> Message:
        seconds, message = messages.pop(0) if messages else (3600, {"type": "http.disconnect"})
        await asyncio.sleep(seconds)
        return message

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/upload", "root_path": "", "query_string": b"", "headers": [],
        "http_version": "1.1", "scheme": "http", "server": ("h", 80), "client": ("c", 1), "asgi": {"version": "3.0"},
    }  # fmt: skip
    asyncio.run(application(silent_seconds)(scope, receive, send))
    return int(sent[0]["status"])


def body(chunk: bytes, more: bool = True) -> Message:
    return {"type": "http.request", "body": chunk, "more_body": more}


def test_a_silent_client_is_refused() -> None:
    assert served([(0, body(b"x"))], 0.05) == 408


def test_a_client_that_sends_a_byte_now_and_then_is_refused() -> None:
    assert served([(0.04, body(b"x")) for _ in range(5)], 0.1) == 408


def test_a_client_that_is_fast_enough_is_served() -> None:
    assert served([(0.01, body(b"x" * 100)), (0.01, body(b"", more=False))], 1) == 200
