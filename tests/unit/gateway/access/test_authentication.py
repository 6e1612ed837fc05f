"""Callers are known before a body is read."""

from __future__ import annotations

import asyncio

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message

from fakes.gateway import FakeGateway, fake_gateway


@pytest.fixture
def gateway() -> FakeGateway:
    return fake_gateway()


@pytest.mark.parametrize("path", ["/health", "/docs", "/openapi.json"])
def test_open_routes(gateway: FakeGateway, path: str) -> None:
    assert gateway.client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/keys", "/nothing", "/", "/health/", "/docs/x", "//health"])
def test_all_other_paths_need_a_caller(gateway: FakeGateway, path: str) -> None:
    assert gateway.client.get(f"http://testserver{path}").status_code == 401


def test_an_open_path_is_one_below_the_mount(gateway: FakeGateway) -> None:
    mounted = TestClient(gateway.client.app, root_path="/llmbatch")
    assert [mounted.get(path).status_code for path in ("/llmbatch/health", "/llmbatch/keys")] == [200, 401]


def test_no_byte_of_a_body_is_read_for_an_unknown_caller(gateway: FakeGateway) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        pytest.fail("the body was read")

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/keys", "root_path": "", "query_string": b"", "http_version": "1.1",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"2")], "scheme": "http",
        "server": ("h", 80), "client": ("c", 1), "asgi": {"version": "3.0"},
    }  # fmt: skip
    asyncio.run(gateway.client.app(scope, receive, send))
    assert sent[0]["status"] == 401


def test_the_cookie_of_airflow_s_pages(gateway: FakeGateway) -> None:
    gateway.client.cookies["_token"] = "user-ann"
    assert gateway.client.get("/keys").status_code == 200
