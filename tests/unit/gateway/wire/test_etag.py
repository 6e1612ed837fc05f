"""ETag and 304."""

from __future__ import annotations

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient
from pydantic import BaseModel

from llmbatch.gateway.wire.etag import tagged


class Document(BaseModel):
    rows: int


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()

    @app.get("/{rows}", response_model=Document)
    async def read(rows: int, request: Request) -> Response:
        return tagged(request, Document(rows=rows))

    return TestClient(app)


def test_the_same_document_has_the_same_tag(client: TestClient) -> None:
    first, second, other = (client.get(f"/{rows}") for rows in (1, 1, 2))
    assert first.headers["etag"] == second.headers["etag"] != other.headers["etag"]
    assert (first.json(), first.headers["cache-control"]) == ({"rows": 1}, "private, no-cache")


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', '{}, W/"x"', "*"])
def test_a_client_that_has_it_gets_304_without_a_body(client: TestClient, form: str) -> None:
    tag = client.get("/1").headers["etag"]
    answer = client.get("/1", headers={"if-none-match": form.format(tag)})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)


@pytest.mark.parametrize("known", ["", '"x"', "x"])
def test_another_version_is_sent(client: TestClient, known: str) -> None:
    assert client.get("/1", headers={"if-none-match": known}).status_code == 200
