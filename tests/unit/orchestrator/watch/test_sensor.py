from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from llmbatch.orchestrator.watch.sensor import EtaSensor

JOB = "s3://b/jobs/job-1"


def sensor() -> EtaSensor:
    return EtaSensor(task_id="watch", job_uri=JOB, store_conn_id="my_s3")


def context() -> dict[str, Any]:
    return {"ti": SimpleNamespace(dag_id="d", run_id="r", task_id="watch")}


def test_the_sensor_defers_at_once() -> None:
    with pytest.raises(TaskDeferred) as caught:
        sensor().execute(context())
    assert caught.value.trigger.serialize()[1]["run_task_id"] == "run"
    assert caught.value.timeout is None


def test_the_sensor_ends_with_the_event() -> None:
    event = {"job_id": "job-1", "reason": "run_ended", "phase": None, "run_state": "failed"}
    assert sensor().on_event(context(), event) == event


@pytest.mark.parametrize("event", [None, {}, {"job_id": "x", "reason": "?"}])
def test_the_sensor_never_fails_on_a_malformed_event(event: Any) -> None:
    assert sensor().on_event(context(), event) is None


@pytest.mark.parametrize(
    ("state", "again"), [("deferred", True), (None, True), ("failed", False), (RuntimeError("api down"), False)]
)
def test_a_lost_trigger_is_started_again_while_the_job_runs(
    monkeypatch: pytest.MonkeyPatch, state: Any, again: bool
) -> None:
    def ask(*_: Any) -> Any:
        if isinstance(state, Exception):
            raise state
        return state

    monkeypatch.setattr("llmbatch.orchestrator.deployment.run_states.task_state", ask)
    lost = {"error": "Trigger failure", "traceback": ["boom"]}
    if again:
        with pytest.raises(TaskDeferred):
            sensor().resume_execution("__fail__", lost, context())
    else:
        assert sensor().resume_execution("__fail__", lost, context()) is None


def test_only_lost_triggers_are_forgiven() -> None:
    with pytest.raises(AttributeError):
        sensor().resume_execution("no_such_method", {}, context())
