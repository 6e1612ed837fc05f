"""From a job id to its run."""

from __future__ import annotations

import asyncio

import pytest

from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.gateway_jobs import put_finished, put_job, put_run
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.lookup import NEWEST_RUNS, FoundJob, find_job
from llmbatch.gateway.jobs.states import JobState
from llmbatch.gateway.wire.failures import Failure


def _find(gateway: FakeGateway, job_id: str, token: str = "Bearer viewer-vic") -> FoundJob:
    documents = JobDocuments(BASE, gateway.store, gateway.clock)
    return asyncio.run(find_job(job_id, token, gateway.airflow, documents))


def test_an_accepted_job_costs_one_call_to_airflow() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    assert _find(gateway, spec.job_id).spec == spec
    assert gateway.airflow.reads == ["run"]


def test_a_job_without_a_spec_is_found_among_the_newest_runs() -> None:
    gateway = fake_gateway()
    old = put_run(gateway, "r0", sla_hours=2)
    for number in range(1, NEWEST_RUNS):
        put_run(gateway, f"r{number}")
    found = _find(gateway, old)
    assert (found.run.dag_run_id, found.spec, found.job_id) == ("r0", None, old)
    assert (found.deadline - found.run.run_after).total_seconds() == 7200
    put_run(gateway, "one more")
    with pytest.raises(Failure) as caught:
        _find(gateway, old)
    assert caught.value.status == 404


@pytest.mark.parametrize("job_id", ["", "job-1", "job-" + "g" * 16, "../../x", "job-" + "0" * 16 + "\n", "é" * 5000])
def test_an_id_of_another_form_is_unknown_without_any_read(job_id: str) -> None:
    gateway = fake_gateway()
    with pytest.raises(Failure) as caught:
        _find(gateway, job_id)
    assert (caught.value.status, gateway.airflow.reads, len(caught.value.message) < 500) == (404, [], True)


def test_a_finished_job_whose_run_was_removed_is_shown_by_its_proof() -> None:
    gateway = fake_gateway()
    done, open_job = put_finished(gateway, "done"), put_job(gateway, "open")
    gateway.airflow.dag_runs.clear()
    assert [_find(gateway, spec.job_id).state for spec in (done, open_job)] == [JobState.SUCCEEDED, JobState.FAILED]


def test_a_refusal_of_airflow_passes() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    with pytest.raises(Failure) as caught:
        _find(gateway, spec.job_id, "Bearer nobody-x")
    assert caught.value.status == 401
