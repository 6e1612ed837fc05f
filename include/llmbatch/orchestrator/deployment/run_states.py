"""The state of a task instance, asked from a trigger's thread or from a task."""

from __future__ import annotations

MISSING = "missing"
"""There is no such task instance: the DAG run was deleted."""

ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed", MISSING})
"""States that Airflow leaves only when a person clears the task; ``up_for_retry`` is not one of them."""


def task_state(dag_id: str, run_id: str, task_id: str, map_index: int | None = None) -> str | None:
    """Return the state's word, None for "not scheduled yet", ``MISSING`` for no such instance.

    Blocks on Airflow's task API; a trigger calls it through ``asyncio.to_thread``.
    """
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    states = RuntimeTaskInstance.get_task_states(dag_id=dag_id, task_ids=[task_id], run_ids=[run_id])
    name = task_id if map_index is None or map_index < 0 else f"{task_id}_{map_index}"
    state = states.get(run_id, {}).get(name, MISSING)
    return None if state is None else str(getattr(state, "value", state))


def is_ended(state: str | None) -> bool:
    """Whether the task instance has ended for good."""
    return state in ENDED
