"""A key stands for one job, whichever request was first; no thread waits for the decision."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.gateway_jobs import put_job
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.job_request import JobRequest, parse_request
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.start import Starter
from llmbatch.gateway.wire.failures import Failure
from llmbatch.orchestrator.jobs.keys import bind_key, request_digest

CONF = {"input_uri": "s3://b/x.jsonl", "idempotency_key": "k"}


def _starter(gateway: FakeGateway, user: str = "ann") -> Starter:
    documents = JobDocuments(BASE, gateway.store, gateway.clock)
    return Starter(Caller(user, f"Bearer user-{user}"), gateway.airflow, documents, gateway.store, BASE)


def _start(gateway: FakeGateway, user: str = "ann", **conf: object) -> FoundJob:
    sent: dict[str, Any] = {**CONF, **conf}
    return asyncio.run(_starter(gateway, user).start(parse_request(sent), sent, gateway.clock.now()))


def test_a_key_is_one_job_of_its_user_also_after_its_end() -> None:
    gateway = fake_gateway()
    first = _start(gateway)
    assert first.run.dag_run_id.startswith("key__")
    gateway.airflow.set_state(INFERENCE_DAG, first.run.dag_run_id, "failed")
    assert _start(gateway).job_id == first.job_id
    assert _start(gateway, "bob").job_id != first.job_id
    assert _start(gateway, idempotency_key="other").job_id != first.job_id


def test_a_key_with_another_request_is_a_conflict() -> None:
    gateway = fake_gateway()
    first = _start(gateway)
    with pytest.raises(Failure) as caught:
        _start(gateway, sla_hours=3)
    assert (caught.value.status, caught.value.job_id, caught.value.param) == (409, first.job_id, "idempotency_key")


def test_a_run_that_another_user_made_under_the_same_id_is_a_conflict() -> None:
    gateway = fake_gateway()
    run_id = _start(gateway).run.dag_run_id
    run = gateway.airflow.dag_runs[INFERENCE_DAG, run_id]
    gateway.airflow.dag_runs[INFERENCE_DAG, run_id] = run.model_copy(update={"triggering_user_name": "mallory"})
    with pytest.raises(Failure, match="another request"):
        _start(gateway)


def test_a_key_that_another_way_has_used_returns_that_job() -> None:
    gateway = fake_gateway()
    request = JobRequest(input_uri="s3://b/x.jsonl")
    spec = put_job(gateway, "by command", request_digest=request_digest(request))
    bind_key("k", spec, gateway.store)
    assert _start(gateway).job_id == spec.job_id
    assert gateway.airflow.calls == []
    with pytest.raises(Failure) as caught:
        _start(gateway, sla_hours=3)
    assert caught.value.status == 409


def test_a_dry_run_has_no_key() -> None:
    gateway = fake_gateway()
    ids = {_start(gateway, dry_run=True).job_id for _ in range(2)}
    assert len(ids) == 2
    assert _start(gateway).run.dag_run_id.startswith("key__")


def test_the_decision_is_the_accepted_job_even_of_another_run() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "first")
    found = _start(gateway)
    run_id = found.run.dag_run_id
    gateway.airflow.tasks[INFERENCE_DAG, run_id] = {"accept": "success"}
    gateway.airflow.xcoms[INFERENCE_DAG, run_id, "accept", "job_id"] = spec.job_id
    decided = asyncio.run(_starter(gateway).decision(found, 5))
    assert decided is not None
    assert decided.spec == spec


@pytest.mark.parametrize(
    ("text", "param"),
    [
        ("input_uri: there is no object s3://b/x.jsonl. Check the address.", "input_uri"),
        ("engine.concurrency: is 99. Lower it.", "engine.concurrency"),
        ("The store failed", None),
    ],
)
def test_a_refusal_has_the_reason_and_its_field(text: str, param: str | None) -> None:
    gateway = fake_gateway()
    found = _start(gateway)
    gateway.airflow.tasks[INFERENCE_DAG, found.run.dag_run_id] = {"accept": "failed"}
    gateway.airflow.xcoms[INFERENCE_DAG, found.run.dag_run_id, "accept", "failure"] = text
    with pytest.raises(Failure) as caught:
        asyncio.run(_starter(gateway).decision(found, 5))
    assert (caught.value.status, caught.value.message, caught.value.param) == (400, text, param)


def test_the_wait_ends_without_a_decision_while_accept_is_retried() -> None:
    gateway = fake_gateway()
    found = _start(gateway)
    gateway.airflow.tasks[INFERENCE_DAG, found.run.dag_run_id] = {"accept": "up_for_retry"}
    assert asyncio.run(_starter(gateway).decision(found, 0.02)) is None
    assert gateway.airflow.reads.count("task_states") == 2
