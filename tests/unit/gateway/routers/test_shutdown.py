from __future__ import annotations

import pytest

from fakes.gateway import FakeGateway, fake_gateway
from fakes.open_jobs import running_job
from llmbatch.gateway.routers.shutdown import ShutdownRequest


@pytest.fixture
def gateway() -> FakeGateway:
    return fake_gateway()


def test_a_shutdown_answers_what_remains_and_a_resume_ends_it(gateway: FakeGateway) -> None:
    spec, op = running_job(gateway, "a"), gateway.as_user("ann", "op")
    answer = gateway.client.post("/shutdown-graceful", json={"reason": " new GPUs "}, headers=op)
    found = answer.json()
    assert (answer.status_code, found["admitting"], found["reason"], found["remaining"]) == (202, False, "new GPUs", 1)
    assert found["draining"] == [{"job_id": spec.job_id, "phase": "work", "rows_remaining": 750, "requested": "drain"}]
    seen = gateway.client.get("/shutdown-graceful", headers=gateway.as_user("bob", "viewer"))
    assert (seen.status_code, seen.json()) == (200, found)
    resumed = gateway.client.post("/resume", headers=op)
    assert (resumed.status_code, resumed.json()["admitting"], resumed.json()["draining"]) == (202, True, [])


def test_a_shutdown_needs_no_body(gateway: FakeGateway) -> None:
    answer = gateway.client.post("/shutdown-graceful", headers=gateway.as_user("ann", "op"))
    assert (answer.status_code, answer.json()["reason"]) == (202, "")


@pytest.mark.parametrize("path", ["/shutdown-graceful", "/resume"])
def test_only_who_may_edit_the_dag_stops_and_starts_the_service(gateway: FakeGateway, path: str) -> None:
    assert gateway.client.post(path).status_code == 401
    assert gateway.client.post(path, headers=gateway.as_user("ann", "user")).status_code == 403
    assert gateway.client.get("/shutdown-graceful").status_code == 401
    assert gateway.store.objects == {}


@pytest.mark.parametrize("body", [{"reason": "x" * 501}, {"why": "x"}, []])
def test_a_wrong_body_is_refused(gateway: FakeGateway, body: object) -> None:
    answer = gateway.client.post("/shutdown-graceful", json=body, headers=gateway.as_user("ann", "op"))
    assert answer.status_code == 400
    assert gateway.store.objects == {}


def test_the_example_of_the_documentation_is_a_request() -> None:
    for example in ShutdownRequest.model_json_schema()["examples"]:
        ShutdownRequest.model_validate(example)
