"""Request ids and headers of every answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.testclient import TestClient

from llmbatch.gateway.wire.envelope import Envelope


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()

    @app.get("/plain")
    async def plain() -> dict[str, str]:
        return {}

    @app.get("/kept")
    async def kept() -> JSONResponse:
        return JSONResponse({}, headers={"Cache-Control": "private, no-cache"})

    @app.get("/broken")
    async def broken() -> StreamingResponse:
        def rows() -> Iterator[bytes]:
            yield b"row"
            raise ValueError("the prompt")

        return StreamingResponse(rows())

    app.add_middleware(Envelope)
    return TestClient(app)


def test_each_answer_has_an_id_of_its_own(client: TestClient) -> None:
    ids = {client.get("/plain").headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3
    assert {len(one) for one in ids} == {32}


@pytest.mark.parametrize(("given", "kept"), [("trace-1:a.b_c", True), ("a b", False), ("x" * 129, False), ("", False)])
def test_a_client_s_id_comes_back_if_it_is_sane(client: TestClient, given: str, kept: bool) -> None:
    answer = client.get("/plain", headers={"x-request-id": given})
    assert (answer.headers["x-request-id"] == given) is kept


def test_headers(client: TestClient) -> None:
    plain, kept = client.get("/plain").headers, client.get("/kept").headers
    assert (plain["x-content-type-options"], plain["cache-control"]) == ("nosniff", "no-store")
    assert kept["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("name", ["Authorization", "content-type", "Idempotency-Key"])
def test_a_doubled_header_is_refused(client: TestClient, name: str) -> None:
    answer = client.get("/plain", headers=[(name, "a"), (name.upper(), "b")])
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "doubled_header")
    assert client.get("/plain", headers=[("accept", "a"), ("accept", "b")]).status_code == 200


def test_an_answer_that_breaks_off_closes_the_connection_without_the_text(client: TestClient) -> None:
    with pytest.raises(ConnectionAbortedError, match="broke off") as caught:
        client.get("/broken")
    assert caught.value.__suppress_context__
