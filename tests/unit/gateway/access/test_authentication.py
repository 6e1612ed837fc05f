"""Callers are known before a body is read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

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
    read: list[int] = []

    def body() -> Iterator[bytes]:
        for index in range(3):
            read.append(index)
            yield b"{"

    assert gateway.client.post("/keys", content=body()).status_code == 401
    assert gateway.client.post("/keys", content=body(), headers=gateway.as_user("ann")).status_code == 400
    assert read  # the test's client reads a generator before it calls the application


def test_the_cookie_of_airflow_s_pages(gateway: FakeGateway) -> None:
    gateway.client.cookies["_token"] = "user-ann"
    assert gateway.client.get("/keys").status_code == 200
