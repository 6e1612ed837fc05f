"""The state of a DAG run, asked from a task: workers of Airflow 3 have no database, so through its task API."""

from __future__ import annotations

from enum import StrEnum


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
