from __future__ import annotations

from enum import Enum

import pytest
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from llmbatch.orchestrator.deployment.run_states import (
    MISSING,
    DagRunState,
    dag_run_end,
    dag_run_state,
    failed_tasks,
    is_ended,
    task_state,
)

ALIVE, OVER, GONE = DagRunState.ALIVE, DagRunState.OVER, DagRunState.GONE


@pytest.mark.parametrize(
    ("over", "known", "state"), [(1, 1, OVER), (0, 1, ALIVE), (0, 0, GONE)], ids=["over", "alive", "gone"]
)
def test_state_of_a_dag_run_comes_from_counts(
    monkeypatch: pytest.MonkeyPatch, over: int, known: int, state: DagRunState
) -> None:
    def count(*, dag_id: str, run_ids: list[str], states: list[str] | None = None) -> int:
        assert (dag_id, run_ids) == ("d", ["r/1?"])
        assert states in (None, ["success", "failed"])
        return over if states else known

    monkeypatch.setattr(RuntimeTaskInstance, "get_dr_count", staticmethod(count))
    assert dag_run_state("d", "r/1?") is state


@pytest.mark.parametrize(
    ("state", "end"),
    [("success", "success"), ("failed", "failed"), ("queued", None), ("running", None), (None, MISSING)],
)
def test_end_of_a_dag_run(monkeypatch: pytest.MonkeyPatch, state: str | None, end: str | None) -> None:
    def count(*, dag_id: str, run_ids: list[str], states: list[str] | None = None) -> int:
        assert (dag_id, run_ids) == ("d", ["r"])
        return int(state is not None and (states is None or state in states))

    monkeypatch.setattr(RuntimeTaskInstance, "get_dr_count", staticmethod(count))
    assert dag_run_end("d", "r") == end


class Deferred(Enum):
    """States arrive as text or as members of an enumeration."""

    DEFERRED = "deferred"


@pytest.mark.parametrize(
    ("map_index", "states", "state"),
    [
        (None, {"r": {"run": "success"}}, "success"),
        (-1, {"r": {"run": Deferred.DEFERRED}}, "deferred"),
        (None, {"r": {"run": None}}, None),
        (2, {"r": {"run_1": "failed", "run_2": "running"}}, "running"),
        (None, {"r": {}}, MISSING),
        (None, {}, MISSING),
    ],
)
def test_state_of_a_task_instance(
    monkeypatch: pytest.MonkeyPatch, map_index: int | None, states: dict[str, dict[str, object]], state: str | None
) -> None:
    def found(*, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, dict[str, object]]:
        assert (dag_id, task_ids, run_ids) == ("d", ["run"], ["r"])
        return states

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(found))
    assert task_state("d", "r", "run", map_index) == state


@pytest.mark.parametrize("state", ["success", "failed", "skipped", "upstream_failed", "removed", MISSING])
def test_states_that_only_a_clear_leaves_have_ended(state: str) -> None:
    assert is_ended(state)


@pytest.mark.parametrize("state", [None, "scheduled", "queued", "running", "deferred", "restarting", "up_for_retry"])
def test_a_task_that_airflow_still_runs_has_not_ended(state: str | None) -> None:
    assert not is_ended(state)


def test_failed_tasks_are_those_that_failed_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    states = {"r": {"accept": "success", "run": Failed.FAILED, "publish": "upstream_failed", "watch": "failed"}}
    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(lambda **_: states))
    assert failed_tasks("d", "r") == ("run", "watch")
    assert failed_tasks("d", "other") == ()


class Failed(Enum):
    FAILED = "failed"
