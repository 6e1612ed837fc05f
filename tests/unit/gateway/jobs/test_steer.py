"""Requests reach Airflow's audit log, then the control object; a request that does not hold is a conflict."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.gateway_jobs import put_job, put_run
from llmbatch.core.control import ReplicaBounds
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.states import DesiredState
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.lookup import find_job
from llmbatch.gateway.jobs.steer import RUNNING_ON, SteerAnswer, Steering
from llmbatch.gateway.wire.failures import Failure

Verb = Callable[[Steering], Awaitable[SteerAnswer]]


def _steer(gateway: FakeGateway, job_id: str, verb: Verb, role: str = "op") -> SteerAnswer:
    async def steer() -> SteerAnswer:
        caller = Caller("ann", f"Bearer {role}-ann")
        documents = JobDocuments(BASE, gateway.store, gateway.clock)
        found = await find_job(job_id, caller.authorization, gateway.airflow, documents)
        return await verb(Steering(found, caller, gateway.airflow, gateway.store, gateway.clock))

    return asyncio.run(steer())


def _cancel(steering: Steering) -> Awaitable[SteerAnswer]:
    return steering.request(DesiredState.CANCEL, "wrong\x1b prompt")


def _drain(steering: Steering) -> Awaitable[SteerAnswer]:
    return steering.request(DesiredState.DRAIN, "later")


def _resume(steering: Steering) -> Awaitable[SteerAnswer]:
    return steering.resume("go on")


def _pause(steering: Steering) -> Awaitable[SteerAnswer]:
    return steering.change("pause", {**RUNNING_ON, "paused": True}, "room")


def test_a_cancel_is_noted_in_airflow_and_in_the_store() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    answer = _steer(gateway, spec.job_id, _cancel)
    assert answer.control is not None
    assert (answer.control.desired, answer.control.written_by) == (DesiredState.CANCEL, "ann")
    note = ("note_run", INFERENCE_DAG, "r", r"cancel requested by ann: wrong\x1b prompt")
    assert gateway.airflow.calls == [note]
    assert spec.layout.control in gateway.store.objects


@pytest.mark.parametrize("verb", [_cancel, _drain, _resume, _pause])
def test_without_the_right_to_edit_nothing_is_written(verb: Verb) -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    before = dict(gateway.store.objects)
    with pytest.raises(Failure) as caught:
        _steer(gateway, spec.job_id, verb, "user")
    assert (caught.value.status, gateway.store.objects) == (403, before)


def test_a_drain_under_a_cancel_is_a_conflict_until_the_job_is_resumed() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    _steer(gateway, spec.job_id, _cancel)
    with pytest.raises(Failure, match="ann requested cancel") as caught:
        _steer(gateway, spec.job_id, _drain)
    assert (caught.value.status, caught.value.code) == (409, "control_conflict")
    _steer(gateway, spec.job_id, _resume)
    assert _steer(gateway, spec.job_id, _drain).control is not None


@pytest.mark.parametrize("state", ["success", "failed"])
@pytest.mark.parametrize("verb", [_cancel, _drain, _pause])
def test_a_job_that_is_over_is_not_changed(verb: Verb, state: str) -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r", state)
    with pytest.raises(Failure) as caught:
        _steer(gateway, spec.job_id, verb)
    assert (caught.value.status, caught.value.code, gateway.airflow.calls) == (409, "job_over", [])
    with pytest.raises(Failure) as caught:
        _steer(gateway, spec.job_id, verb, "user")
    assert caught.value.status == 403


def test_a_job_that_is_not_accepted_is_cancelled_by_its_run_and_not_drained() -> None:
    gateway = fake_gateway()
    job_id = put_run(gateway, "r")
    with pytest.raises(Failure, match="not accepted yet") as caught:
        _steer(gateway, job_id, _drain)
    assert caught.value.status == 409
    assert _steer(gateway, job_id, _cancel).control is None
    assert gateway.airflow.calls[-1] == ("fail_run", INFERENCE_DAG, "r")


def test_a_pause_ends_with_resume() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    paused = _steer(gateway, spec.job_id, _pause).control
    assert paused is not None
    assert paused.paused
    answer = _steer(gateway, spec.job_id, _resume)
    assert answer.control is not None
    assert (answer.control.paused, answer.done) == (False, "The pause is over.")


def test_scale_changes_the_bounds_only() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    control = _steer(gateway, spec.job_id, lambda steer: steer.scale(ReplicaBounds(min=2, max=4), "late")).control
    assert control is not None
    assert (control.replicas, control.desired) == (ReplicaBounds(min=2, max=4), DesiredState.RUN)


def test_a_drained_job_whose_run_is_over_continues_from_its_failed_task() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    _steer(gateway, spec.job_id, _drain)
    gateway.airflow.set_state(INFERENCE_DAG, "r", "failed")
    gateway.airflow.tasks[INFERENCE_DAG, "r"] = {"accept": "success", "run": "failed", "publish": "upstream_failed"}
    answer = _steer(gateway, spec.job_id, _resume)
    assert answer.control is not None
    assert answer.control.desired is DesiredState.RUN
    assert "task run" in answer.done
    assert gateway.airflow.calls[-1] == ("continue_run", INFERENCE_DAG, "r", "run", "watch")


def test_a_job_whose_rows_are_done_continues_without_a_watch() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r", "failed")
    gateway.airflow.tasks[INFERENCE_DAG, "r"] = {"run": "success", "watch": "success", "publish": "failed"}
    _steer(gateway, spec.job_id, _resume)
    assert gateway.airflow.calls[-1] == ("continue_run", INFERENCE_DAG, "r", "publish")


@pytest.mark.parametrize(("state", "code"), [("success", "job_over"), ("failed", "job_refused")])
def test_a_job_that_succeeded_or_was_refused_is_not_resumed(state: str, code: str) -> None:
    gateway = fake_gateway()
    job_id = put_job(gateway, "r", state).job_id if state == "success" else put_run(gateway, "r", state)
    with pytest.raises(Failure) as caught:
        _steer(gateway, job_id, _resume)
    assert (caught.value.status, caught.value.code) == (409, code)


def test_a_long_reason_fits_the_note() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    _steer(gateway, spec.job_id, lambda steer: steer.request(DesiredState.CANCEL, "x" * 5000))
    assert len(gateway.airflow.calls[-1][-1]) == 1000
