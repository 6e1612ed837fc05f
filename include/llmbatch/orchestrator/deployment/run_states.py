"""The states of DAG runs and task instances. Workers of Airflow 3 have no database, so through its task API."""

from __future__ import annotations

from enum import StrEnum

MISSING = "missing"
"""The task instance does not exist: the DAG run was deleted."""

ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed", MISSING})
"""States that Airflow leaves only when a person clears the task; ``up_for_retry`` is not one of them."""


def task_state(dag_id: str, run_id: str, task_id: str, map_index: int | None = None) -> str | None:
    """Return the state's name, None for "not scheduled yet", ``MISSING`` for no such instance.

    Blocks on Airflow's task API; a trigger calls it through ``threads.RUN_STATES``.
    """
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    states = RuntimeTaskInstance.get_task_states(dag_id=dag_id, task_ids=[task_id], run_ids=[run_id])
    name = task_id if map_index is None or map_index < 0 else f"{task_id}_{map_index}"
    state = states.get(run_id, {}).get(name, MISSING)
    return None if state is None else str(getattr(state, "value", state))


def failed_tasks(dag_id: str, run_id: str) -> tuple[str, ...]:
    """Return the names of the tasks of a run that have failed themselves."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    states = RuntimeTaskInstance.get_task_states(dag_id=dag_id, run_ids=[run_id]).get(run_id, {})
    return tuple(name for name, state in states.items() if str(getattr(state, "value", state)) == "failed")


def is_ended(state: str | None) -> bool:
    """Whether the task instance has ended and will not run again."""
    return state in ENDED


class DagRunState(StrEnum):
    """As much of a run's state as decides about its jobs."""

    ALIVE = "alive"
    """Queued or running: a cleared run is queued again."""
    OVER = "over"
    """Succeeded or failed."""
    GONE = "gone"
    """Deleted."""


def dag_run_state(dag_id: str, run_id: str) -> DagRunState:
    """Return the state of a run. By counts, for these take any run id and do not fail for a run that is gone."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    if RuntimeTaskInstance.get_dr_count(dag_id=dag_id, run_ids=[run_id], states=["success", "failed"]):
        return DagRunState.OVER
    alive = RuntimeTaskInstance.get_dr_count(dag_id=dag_id, run_ids=[run_id])
    return DagRunState.ALIVE if alive else DagRunState.GONE


def dag_run_end(dag_id: str, run_id: str) -> str | None:
    """Return how a run ended: ``success``, ``failed`` or ``MISSING``; None while it is queued or running."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    for state in ("success", "failed"):
        if RuntimeTaskInstance.get_dr_count(dag_id=dag_id, run_ids=[run_id], states=[state]):
            return state
    return None if RuntimeTaskInstance.get_dr_count(dag_id=dag_id, run_ids=[run_id]) else MISSING
