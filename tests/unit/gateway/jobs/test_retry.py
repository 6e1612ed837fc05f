"""A retry is one job until it fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.gateway_jobs import put_finished, put_job
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.job_request import parse_request
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.retry import MOST_RETRIES, require_delivered, retry_failed
from llmbatch.gateway.jobs.start import Starter
from llmbatch.gateway.wire.failures import Failure

JOB = "job-0123456789abcdef"


def _retry(gateway: FakeGateway, user: str = "ann", **fields: object) -> FoundJob:
    documents = JobDocuments(BASE, gateway.store, gateway.clock)
    starter = Starter(Caller(user, f"Bearer user-{user}"), gateway.airflow, documents, gateway.store, BASE)
    conf: dict[str, Any] = {**fields, "retry_failed_of": JOB}
    return asyncio.run(retry_failed(parse_request(conf), conf, starter))


def test_a_repeated_call_finds_the_retry_while_it_runs_and_after_it_succeeded() -> None:
    gateway = fake_gateway()
    first = _retry(gateway)
    assert first.run.conf == {"retry_failed_of": JOB}
    assert _retry(gateway).job_id == first.job_id
    gateway.airflow.set_state(INFERENCE_DAG, first.run.dag_run_id, "success")
    assert _retry(gateway).job_id == first.job_id
    assert len({first.job_id, _retry(gateway, sla_hours=2).job_id, _retry(gateway, "bob").job_id}) == 3


def test_after_a_failed_retry_the_next_call_starts_another_up_to_a_limit() -> None:
    gateway = fake_gateway()
    ids = set()
    for _ in range(MOST_RETRIES):
        found = _retry(gateway)
        ids.add(found.job_id)
        gateway.airflow.set_state(INFERENCE_DAG, found.run.dag_run_id, "failed")
    assert len(ids) == MOST_RETRIES
    with pytest.raises(Failure) as caught:
        _retry(gateway)
    assert (caught.value.status, caught.value.code) == (409, "too_many_retries")


def _check(gateway: FakeGateway, found: FoundJob, may_read: bool) -> None:
    asyncio.run(require_delivered(found, may_read, JobDocuments(BASE, gateway.store, gateway.clock)))


def test_only_a_delivered_job_of_the_caller_passes() -> None:
    gateway = fake_gateway()
    done, runs = put_finished(gateway, "done"), put_job(gateway, "runs")
    found, unfinished = (FoundJob(gateway.airflow.dag_runs[INFERENCE_DAG, s.run_id], s) for s in (done, runs))
    _check(gateway, found, may_read=True)
    for job, may_read, status in ((found, False, 404), (unfinished, True, 409), (unfinished, False, 404)):
        with pytest.raises(Failure) as caught:
            _check(gateway, job, may_read)
        assert caught.value.status == status
    with pytest.raises(Failure, match="is running and has delivered nothing"):
        _check(gateway, unfinished, may_read=True)
