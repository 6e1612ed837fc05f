"""A task instance for operators that run Ray jobs, and the events of their trigger."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from llmbatch.orchestrator.ray_jobs.operator import RayOperator


class Ti(SimpleNamespace):
    """What the operator uses of a task instance."""

    def __init__(self) -> None:
        super().__init__(dag_id="d", run_id="r", task_id="run", map_index=-1, stats_tags={}, pushed={})

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def deferred(task: RayOperator, context: dict[str, Any]) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        task.execute(context)
    return caught.value


def over(submission_id: str, status: str, code: int | None = None) -> dict[str, Any]:
    return {"submission_id": submission_id, "reason": "over", "status": status, "driver_exit_code": code, "message": ""}
