"""How far a dry run is, in sentences, and what it has found."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_checks import put_check
from fakes.gateway_jobs import put_job, put_run
from llmbatch.core.identity import FAILURE, INFERENCE_DAG
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.jobs.lookup import find_job
from llmbatch.gateway.pages.start.check import LONG_WAIT, CheckView, check_of, waiting
from llmbatch.gateway.pages.start.checked import CheckedJobs
from llmbatch.gateway.wire.failures import Failure

ANN = Caller("ann", "Bearer user-ann")


def _check(gateway: FakeGateway, job_id: str, caller: Caller = ANN) -> CheckView:
    documents, airflow = gateway.parts.documents, gateway.airflow

    async def look() -> CheckView:
        found = await find_job(job_id, caller.authorization, airflow, documents)
        checked = CheckedJobs(gateway.config, gateway.store, documents, gateway.clock)
        return await check_of(found, caller, airflow, checked, gateway.clock.now())

    return asyncio.run(look())


@pytest.mark.parametrize(
    ("run", "states", "words"),
    [
        ("queued", {}, "waits until Airflow starts its run"),
        ("running", {"accept": None}, "waits for a free worker of Airflow"),
        ("running", {"accept": "queued"}, "waits for a free worker of Airflow"),
        ("running", {"accept": "up_for_reschedule"}, "The service admits no jobs at present"),
        ("running", {"accept": "running"}, "The request and its input are checked"),
        ("running", {"accept": "up_for_retry"}, "The request and its input are checked"),
        ("running", {"accept": "success", "stage": "scheduled"}, "waits for a free worker of Airflow"),
        ("running", {"accept": "success", "stage": "running"}, "All rows are read"),
    ],
)
def test_a_dry_run_that_has_not_ended_says_what_it_does(run: str, states: dict[str, str | None], words: str) -> None:
    gateway = fake_gateway()
    job_id = put_run(gateway, "c", run, dry_run=True)
    gateway.airflow.tasks[INFERENCE_DAG, "c"] = states
    found = _check(gateway, job_id)
    assert (found.waits, found.result) == (True, None)
    assert words in found.sentence
    assert "more than a minute" not in found.sentence


def test_a_long_wait_says_what_it_may_be_due_to() -> None:
    gateway = fake_gateway()
    job_id = put_run(gateway, "c", "running", dry_run=True)
    gateway.clock.advance(LONG_WAIT.total_seconds())
    assert "other tasks may hold all of them" in _check(gateway, job_id).sentence
    found = asyncio.run(find_job(job_id, ANN.authorization, gateway.airflow, gateway.parts.documents))
    late = found.run.run_after + timedelta(hours=1)
    assert "minute" not in waiting(found, {"accept": "running"}, late)


def test_a_result_has_a_verdict_and_a_predicted_end() -> None:
    gateway = fake_gateway()
    result = put_check(gateway)
    found = _check(gateway, result.job_id)
    assert (found.waits, found.result, found.verdict and found.verdict.word) == (False, result, "In time")
    assert found.finish == (
        result.admission.decided_at + timedelta(hours=1), result.admission.decided_at + timedelta(hours=2.5),
    )  # fmt: skip
    without_history = fake_gateway()
    assert _check(without_history, put_check(without_history, basis=None).job_id).finish is None


def test_a_result_is_shown_before_the_run_has_ended() -> None:
    gateway = fake_gateway()
    result = put_check(gateway)
    gateway.airflow.set_state(INFERENCE_DAG, "check", "running")
    assert _check(gateway, result.job_id).result == result


def test_a_refused_dry_run_names_the_field() -> None:
    gateway = fake_gateway()
    job_id = put_run(gateway, "c", "failed", dry_run=True)
    gateway.airflow.tasks[INFERENCE_DAG, "c"] = {"accept": "failed"}
    gateway.airflow.xcoms[INFERENCE_DAG, "c", "accept", FAILURE] = "csv.delimiter: is not given. Set it."
    found = _check(gateway, job_id)
    assert (found.waits, found.field, found.sentence) == (
        False, "csv.delimiter", "csv.delimiter: is not given. Set it.",
    )  # fmt: skip
    gateway.airflow.xcoms[INFERENCE_DAG, "c", "accept", FAILURE] = "OSError: no disk"
    assert _check(gateway, job_id).field is None
    gateway.airflow.tasks.clear()
    assert "marked as failed" in _check(gateway, job_id).sentence


def test_a_result_that_was_removed_is_said() -> None:
    gateway = fake_gateway()
    job_id = put_run(gateway, "c", "success", dry_run=True)
    assert _check(gateway, job_id).sentence == "The result is no longer stored. Check the form again."


def test_only_its_owner_and_admins_see_a_result() -> None:
    gateway = fake_gateway()
    job_id = put_check(gateway).job_id
    with pytest.raises(Failure, match="shown to the user who started it"):
        _check(gateway, job_id, Caller("bob", "Bearer user-bob"))
    assert _check(gateway, job_id, Caller("ada", "Bearer admin-ada", is_admin=True)).result


def test_a_job_is_no_check() -> None:
    gateway = fake_gateway()
    for job_id in (put_job(gateway, "a").job_id, put_run(gateway, "b")):
        with pytest.raises(Failure, match="is a job, not a check"):
            _check(gateway, job_id)
