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


OURS, OTHERS = "http://testserver", "http://evil.example"


def asked(gateway: FakeGateway, method: str = "POST", **headers: str) -> int:
    """Return the answer to a request that a browser sends with Airflow's cookie."""
    gateway.client.cookies["_token"] = "user-ann"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.client.request(
        method, "/keys", json={"name": "n"} if method == "POST" else None, headers=named
    ).status_code


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_pages_change_with_the_cookie(gateway: FakeGateway, site: str) -> None:
    assert asked(gateway, sec_fetch_site=site) == 201


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "Same-Origin", "same-origin, cross-site"])
def test_pages_of_other_sites_change_nothing(gateway: FakeGateway, site: str) -> None:
    assert asked(gateway, sec_fetch_site=site, origin=OURS) == 403
    assert gateway.store.objects == {}


@pytest.mark.parametrize(
    "origin", [OTHERS, "null", "http://testserver.evil.example", "http://testserver:8080", "http://["]
)
def test_an_older_browser_tells_the_site_by_its_origin(gateway: FakeGateway, origin: str) -> None:
    assert asked(gateway, origin=origin) == 403
    assert asked(gateway, origin=OURS) == 201
    assert asked(gateway, origin="HTTP://TestServer") == 201


def test_the_origin_behind_a_proxy(gateway: FakeGateway) -> None:
    assert asked(gateway, origin="http://airflow.example", x_forwarded_host="airflow.example") == 201


def test_what_is_no_browser_sends_neither(gateway: FakeGateway) -> None:
    assert asked(gateway) == 201


def test_the_refusal_says_what_to_do(gateway: FakeGateway) -> None:
    gateway.client.cookies["_token"] = "user-ann"
    error = gateway.client.post("/keys", json={"name": "n"}, headers={"Origin": OTHERS}).json()["error"]
    assert (error["type"], error["code"]) == ("permission_error", "other_site")
    assert "Authorization: Bearer" in error["message"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_other_sites_may_link_here(gateway: FakeGateway, method: str) -> None:
    assert asked(gateway, method, sec_fetch_site="cross-site", origin=OTHERS) != 403


def test_a_header_with_credentials_is_no_browser_s_own_idea(gateway: FakeGateway) -> None:
    gateway.client.cookies["_token"] = "user-ann"
    headers = {**gateway.as_user("ann"), "Sec-Fetch-Site": "cross-site", "Origin": OTHERS}
    assert gateway.client.post("/keys", json={"name": "n"}, headers=headers).status_code == 201


def test_without_the_cookie_the_answer_is_that_nobody_calls(gateway: FakeGateway) -> None:
    assert gateway.client.post("/keys", json={"name": "n"}, headers={"Origin": OTHERS}).status_code == 401
