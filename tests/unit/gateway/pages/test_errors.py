"""Errors as pages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from fakes.gateway import FakeGateway, fake_gateway
from llmbatch.core.errors import StoreError
from llmbatch.gateway.pages.errors import PageErrors
from llmbatch.gateway.pages.pages import POLICY
from llmbatch.gateway.wire.envelope import REQUEST_ID
from llmbatch.gateway.wire.failures import Failure

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def visit(gateway: FakeGateway, path: str, role: str | None = None, **headers: str) -> httpx.Response:
    caller = gateway.as_user("ann", role) if role else {}
    return gateway.client.get(path, headers={**BROWSER, **caller, **headers})


def test_an_ended_session_is_a_page_with_the_way_back() -> None:
    answer = visit(fake_gateway(), "/ui/jobs?state=running&owner=ann")
    assert (answer.status_code, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert "<h1>Your session has ended</h1>" in answer.text
    assert 'href="/api/v2/auth/login?next=%2Fui%2Fjobs%3Fstate%3Drunning%26owner%3Dann"' in answer.text
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/ui/%22%3E%3Cscript%3E", "/ui/jobs?x=%22%3E%3Cscript%3E&next=//evil.example"])
def test_the_way_back_is_only_text(path: str) -> None:
    text = visit(fake_gateway(), path).text
    assert "<script>" not in text
    assert "next=%2Fui%2F" in text


def test_login_is_below_airflow_s_own_path() -> None:
    mounted = TestClient(fake_gateway().client.app, root_path="/airflow/llmbatch")
    text = mounted.get("/airflow/llmbatch/ui/jobs", headers=BROWSER).text
    assert 'href="/airflow/api/v2/auth/login?next=%2Fairflow%2Fllmbatch%2Fui%2Fjobs"' in text
    assert 'href="/airflow/llmbatch/ui/quality"' in text


def test_login_is_where_airflow_is_configured() -> None:
    text = visit(fake_gateway(gateway={"airflow_url": "https://a.example/"}), "/ui/jobs").text
    assert 'href="https://a.example/api/v2/auth/login?next=' in text


def test_what_is_not_there_is_a_page() -> None:
    answer = visit(fake_gateway(), "/ui/nothing", "viewer")
    assert answer.status_code == 404
    assert "<h1>There is nothing here</h1>" in answer.text
    assert 'href="/ui/jobs">Show all jobs</a>' in answer.text
    assert "auth/login" not in answer.text


def raised(error: Exception) -> Callable[..., Awaitable[object]]:
    async def runs(*_: object, **__: object) -> object:
        raise error

    return runs


def test_who_may_not_gets_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = fake_gateway()
    monkeypatch.setattr(gateway.airflow, "runs", raised(Failure(403, "Airflow <b>refuses</b> \x1b[31mthis.")))
    answer = visit(gateway, "/ui/quality", "viewer")
    assert (answer.status_code, "<h1>You may not see this</h1>" in answer.text) == (403, True)
    assert "Airflow &lt;b&gt;refuses&lt;/b&gt; \\x1b[31mthis." in answer.text


def test_a_store_that_does_not_answer_is_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = fake_gateway()
    monkeypatch.setattr(gateway.airflow, "runs", raised(StoreError("away")))
    answer = visit(gateway, "/ui/quality", "viewer")
    assert (answer.status_code, "<h1>llmbatch does not answer now</h1>" in answer.text) == (503, True)


@pytest.mark.parametrize(("path", "accept"), [("/ui/nothing", "*/*"), ("/nothing", "text/html"), ("/ui", "text/html")])
def test_scripts_and_the_api_keep_json(path: str, accept: str) -> None:
    answer = visit(fake_gateway(), path, "viewer", Accept=accept)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_route")


def test_changes_keep_json() -> None:
    gateway = fake_gateway()
    answer = gateway.client.post("/ui/nothing", headers={**BROWSER, **gateway.as_user("ann")})
    assert answer.json()["error"]["code"] == "unknown_route"


def test_a_failure_without_a_reason_shows_where_the_log_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = fake_gateway()
    monkeypatch.setattr(gateway.airflow, "runs", raised(RuntimeError("a secret")))
    answer = visit(gateway, "/ui/quality", "viewer", **{REQUEST_ID: "night-7"})
    assert (answer.status_code, answer.headers[REQUEST_ID], "a secret" in answer.text) == (500, "night-7", False)
    assert "<h1>llmbatch failed to show this</h1>" in answer.text
    assert "<code>night-7</code>" in answer.text


def served(app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> list[Message]:
    """Return what ``PageErrors`` sends around ``app``."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/ui/x",
        "query_string": b"",
        "headers": [(b"accept", b"text/html")],
    }
    asyncio.run(PageErrors(app, lambda: "")(scope, receive, send))
    return sent


def test_a_page_that_works_passes_as_it_is() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(3):
            await send({"type": "http.response.body", "body": b"%d" % number, "more_body": number < 2})

    assert [message.get("body") for message in served(app)] == [None, b"0", b"1", b"2"]


def test_an_answer_that_breaks_off_is_not_begun_again() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise Failure(503, "later")

    with pytest.raises(Failure, match="later"):
        served(app)


def test_an_error_without_our_shape_has_a_sentence() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b"[" * 100})

    sent = served(app)
    assert sent[0]["status"] == 418
    assert b"The log of llmbatch has the reason." in sent[1]["body"]


def test_what_is_no_request_passes() -> None:
    reached: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["type"])

    asyncio.run(PageErrors(app, lambda: "")({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert reached == ["lifespan"]
