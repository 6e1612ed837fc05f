"""Why a job failed, from its tasks in Airflow."""

from __future__ import annotations

from llmbatch.core.identity import FAILURE
from llmbatch.gateway.airflow.client import AirflowClient
from llmbatch.gateway.jobs.answers import JobError
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.states import JobState

TASKS = ("accept", "stage", "run", "publish", "report")
"""Tasks of a job, in order; ``watch`` decides nothing about its end."""
RUN_TASKS = ("run", "watch")
"""The task of the Ray job, and the one that watches it beside it: a job that continues from ``run`` needs both."""
_FAILED = "failed"
_ON_DEMAND = "The run was marked as failed, by a user or by a cancel. POST {}/resume continues an accepted job."


async def failed_task(found: FoundJob, authorization: str, airflow: AirflowClient) -> str | None:
    """Return the first task that failed; None if none did. Costs one call to Airflow."""
    states = await airflow.task_states(authorization, found.run.dag_id, found.run.dag_run_id)
    return next((task for task in TASKS if states.get(task) == _FAILED), None)


async def error_of(found: FoundJob, authorization: str, airflow: AirflowClient) -> JobError | None:
    """Return what failed and what to do; None for a job that has not failed. Costs two calls for a failed one."""
    if found.state is not JobState.FAILED:
        return None
    task = await failed_task(found, authorization, airflow)
    if task is None:
        return JobError(task="", message=_ON_DEMAND.format(f"jobs/{found.job_id}"))
    return JobError(task=task, message=await failure_text(found, task, authorization, airflow))


async def failure_text(found: FoundJob, task: str, authorization: str, airflow: AirflowClient) -> str:
    """Return the message of a failed task."""
    text = await airflow.xcom(authorization, found.run.dag_id, found.run.dag_run_id, task, FAILURE)
    return text if isinstance(text, str) and text else f"The task {task} failed; its log in Airflow says why."
