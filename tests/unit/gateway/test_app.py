"""The application over a memory store and a fake Airflow."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from fakes.gateway import fake_gateway
from llmbatch.gateway.wire.failures import Failure

CLIENT = fake_gateway().client
APP = CLIENT.app
assert isinstance(APP, FastAPI)
PAGES = [
    (method, re.sub(r"\{\w+(:\w+)?\}", "x", route.path))
    for route in APP.routes
    if isinstance(route, APIRoute) and route.path.startswith("/ui/")
    for method in sorted(route.methods)
]
FOR_ALL_CALLERS = {"/ui/static/x/x", "/ui/icon.svg"}
"""They show nothing of any job."""


def test_health_needs_no_caller() -> None:
    answer = fake_gateway().client.get("/health")
    assert (answer.status_code, answer.json()["airflow"]["scheduler"]) == (200, "healthy")


@pytest.mark.parametrize(("body", "status"), [(b" " * 1024, 400), (b" " * 1025, 413), (b'{"name": NaN}', 400)])
def test_bodies_are_guarded_on_every_route(body: bytes, status: int) -> None:
    gateway = fake_gateway(gateway={"max_body_bytes": 1024})
    headers = {**gateway.as_user("ann"), "content-type": "application/json"}
    answer = gateway.client.post("/keys", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, "invalid_request_error")


def test_every_answer_has_an_id_and_one_shape_of_errors() -> None:
    gateway = fake_gateway()
    for answer in (gateway.client.get("/health"), gateway.client.get("/x", headers=gateway.as_user("ann"))):
        assert answer.headers["x-request-id"]
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_there_are_pages_to_look_at() -> None:
    assert {("GET", f"/ui/{page}") for page in ("jobs", "jobs/x", "start", "quality")} <= set(PAGES)


@pytest.mark.parametrize(("method", "path"), PAGES)
def test_no_page_and_no_poll_answers_without_valid_credentials(method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}, {"Cookie": "_token=x"}):
        for accept in ("*/*", "text/html"):
            assert CLIENT.request(method, path, headers={**headers, "Accept": accept}).status_code == 401


@pytest.mark.parametrize(("method", "path"), [one for one in PAGES if one[1] not in FOR_ALL_CALLERS])
def test_who_may_not_read_runs_sees_no_page(method: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: object, **__: object) -> None:
        raise Failure(403, "Airflow refuses this.", type="permission_error", code="forbidden")

    gateway = fake_gateway()
    for call in ("runs", "run", "task_states", "xcom"):
        monkeypatch.setattr(gateway.airflow, call, refused)
    answer = gateway.client.request(method, path, headers=gateway.as_user("ann"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert gateway.store.objects == {}
