"""Each error of a route as an answer."""

from __future__ import annotations

import logging
from typing import Annotated

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict, Field

from llmbatch.core.errors import ObjectMissing, RequestError, StoreDenied, StoreError
from llmbatch.gateway.wire.envelope import Envelope
from llmbatch.gateway.wire.failures import Failure
from llmbatch.gateway.wire.handlers import failure_of, handle_errors


class Sampling(BaseModel):
    model_config = ConfigDict(extra="forbid")
    max_tokens: Annotated[int, Field(ge=1)] = 1


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    model: str
    sampling: Sampling = Sampling()


def client_of(error: Exception | None = None) -> TestClient:
    app = FastAPI()

    @app.get("/raise")
    async def fail() -> None:
        if error is not None:
            raise error

    @app.delete("/raise")
    async def remove() -> None:
        """Answer on the path of another route."""

    @app.post("/body")
    async def take(body: Body, limit: Annotated[int, Field(le=100)] = 1) -> Body:
        return body

    handle_errors(app)
    app.add_middleware(Envelope)
    return TestClient(app, raise_server_exceptions=False)


def raised(error: Exception) -> tuple[int, dict[str, str | None]]:
    answer = client_of(error).get("/raise")
    return answer.status_code, answer.json()["error"]


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (Failure(409, "x", type="conflict_error", code="conflict"), 409, "conflict_error", "conflict"),
        (RequestError("model", "it is unknown", "Choose one."), 400, "invalid_request_error", "invalid_value"),
        (ObjectMissing("s3://b/secret-key"), 404, "invalid_request_error", "not_found"),
        (StoreError("s3://b/secret-key failed"), 503, "server_error", "unavailable"),
        (StoreDenied("s3://b/secret-key"), 503, "server_error", "unavailable"),
        (HTTPException(413, "too large"), 413, "invalid_request_error", "request_too_large"),
        (HTTPException(500), 500, "server_error", "bad_request"),
        (ZeroDivisionError("the prompt"), 500, "server_error", "internal_error"),
    ],
)
def test_each_kind(error: Exception, status: int, kind: str, code: str) -> None:
    found, body = raised(error)
    assert (found, body["type"], body["code"]) == (status, kind, code)
    assert set(body) == {"message", "type", "param", "code"}
    assert "secret-key" not in str(body)
    assert "the prompt" not in str(body)


def test_a_request_error_names_its_field() -> None:
    _, body = raised(RequestError("model", "it is unknown", "Choose one."))
    assert (body["param"], body["message"]) == ("model", "it is unknown. Choose one.")


def test_a_store_that_fails_names_when_to_repeat() -> None:
    assert client_of(StoreError("x")).get("/raise").headers["retry-after"] == "5"


def test_an_invalid_body_is_400_and_names_the_fields() -> None:
    answer = client_of().post("/body", json={"sampling": {"max_tokens": "PROMPT", "n": 1}})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, "model", "invalid_value")
    assert "sampling.max_tokens" in error["message"]
    assert "sampling.n" in error["message"]
    assert "PROMPT" not in answer.text


def test_an_invalid_parameter_is_named() -> None:
    answer = client_of().post("/body?limit=1000", json={"model": "m"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "limit")


def test_many_problems_are_cut() -> None:
    answer = client_of().post("/body", json={"model": "m", **{f"k{index}": 1 for index in range(50)}})
    assert "and 45 more" in answer.json()["error"]["message"]


def test_a_hostile_name_of_a_field_is_shown_as_escapes() -> None:
    answer = client_of().post("/body", json={"model": "m", "\x1b[2J": 1})
    assert (answer.status_code, "\x1b" in answer.json()["error"]["message"]) == (400, False)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_object_is_400(body: bytes) -> None:
    answer = client_of().post("/body", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_unknown_routes_and_methods() -> None:
    client = client_of()
    unknown, wrong = client.get("/nothing"), client.delete("/body")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "unknown_route")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "POST"
    assert client.put("/raise").headers["allow"] == "DELETE, GET"


def test_an_unforeseen_error_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = client_of(ZeroDivisionError("the prompt")).get("/raise")
    assert f"request_id={answer.headers['x-request-id']}" in caplog.text
    assert "error=ZeroDivisionError" in caplog.text
    assert "test_handlers.py" in caplog.text
    assert "the prompt" not in caplog.text


def test_a_failure_is_returned_as_it_is() -> None:
    failure = Failure(418, "x")
    assert failure_of(failure) is failure
