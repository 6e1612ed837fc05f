"""The jobs of a benchmark, one after the other, whatever happens to the task that starts them."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, TaskDeferred

from llmbatch.orchestrator.deployment.run_states import DagRunState
from llmbatch.orchestrator.tasks import settings_in_turn
from llmbatch.orchestrator.tasks.settings_in_turn import SettingsInTurn

JOBS = [{"number": n, "run_id": f"bench__x__{n}", "conf": {"n": n}} for n in (1, 2, 3)]


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> dict[str, DagRunState]:
    found: dict[str, DagRunState] = {}
    monkeypatch.setattr(settings_in_turn, "dag_run_state", lambda dag_id, run_id: found.get(run_id, DagRunState.GONE))
    return found


def operator() -> SettingsInTurn:
    return SettingsInTurn(task_id="measure", jobs=JOBS)


def context_of(*, is_paused: bool = False) -> dict[str, Any]:
    return {"ti": SimpleNamespace(get_dag=lambda dag_id: SimpleNamespace(is_paused=is_paused))}


@pytest.fixture
def created(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, int]]]:
    found: list[tuple[str, str, dict[str, int]]] = []
    monkeypatch.setattr(settings_in_turn, "create_run", lambda *run: found.append(run))
    return found


def awaited(caught: pytest.ExceptionInfo[TaskDeferred]) -> str:
    assert caught.value.method_name == "execute_complete"
    path, arguments = caught.value.trigger.serialize()
    assert (path.rpartition(".")[2], arguments["dag_id"]) == ("RunEnd", "llmbatch_inference")
    return str(arguments["run_id"])


def test_the_first_job_without_a_run_is_started_and_awaited(
    states: dict[str, DagRunState], created: list[tuple[str, str, dict[str, int]]]
) -> None:
    with pytest.raises(TaskDeferred) as caught:
        operator().execute(context_of())
    assert created == [("llmbatch_inference", "bench__x__1", {"n": 1})]
    assert awaited(caught) == "bench__x__1"


def test_after_one_run_the_next_is_started_and_after_the_last_it_ends(
    states: dict[str, DagRunState], created: list[tuple[str, str, dict[str, int]]]
) -> None:
    states["bench__x__1"] = DagRunState.OVER
    with pytest.raises(TaskDeferred) as caught:
        operator().execute_complete(context_of(), {"state": "failed"})
    assert awaited(caught) == "bench__x__2"
    states.update(dict.fromkeys(("bench__x__2", "bench__x__3"), DagRunState.OVER))
    operator().execute_complete(context_of(), {"state": "success"})
    assert len(created) == 1


def test_a_second_attempt_waits_for_the_run_that_the_first_one_started(
    states: dict[str, DagRunState], created: list[tuple[str, str, dict[str, int]]]
) -> None:
    states.update({"bench__x__1": DagRunState.OVER, "bench__x__2": DagRunState.ALIVE})
    with pytest.raises(TaskDeferred) as caught:
        operator().execute(context_of())
    assert awaited(caught) == "bench__x__2"
    assert created == []


def test_a_paused_dag_is_reported_and_not_waited_for(
    states: dict[str, DagRunState], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(AirflowException, match="llmbatch_inference is paused"):
        operator().execute(context_of(is_paused=True))
