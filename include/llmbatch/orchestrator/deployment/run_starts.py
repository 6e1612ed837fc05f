"""Starting a DAG run from a task. Workers of Airflow 3 have no database, so through its task API."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pydantic import JsonValue


class RunStart(StrEnum):
    """What became of a start."""

    NEW = "new"
    """The run was created."""
    FOUND = "found"
    """The run exists and is queued, is running or has succeeded."""
    CONTINUED = "continued"
    """The run had failed. All of its tasks were cleared."""


def create_run(dag_id: str, run_id: str, conf: Mapping[str, JsonValue]) -> bool:
    """Create a run; return False if there is one with this id, which keeps the ``conf`` that it was created with.

    ``TriggerDagRunOperator`` cannot attach: where the run exists, it fails without a retry, is skipped, or clears a run
    that may be running. This is one call, so that a repeated one finds what the first one created.

    Raises:
        AirflowRuntimeError: Airflow refuses, e.g. because the DAG does not exist, or does not answer.
    """
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse, TriggerDagRun
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    answer = SUPERVISOR_COMMS.send(TriggerDagRun(dag_id=dag_id, run_id=run_id, conf=dict(conf)))
    if not isinstance(answer, ErrorResponse):
        return True
    if answer.error is not ErrorType.DAGRUN_ALREADY_EXISTS:
        raise AirflowRuntimeError(answer)
    return False


def start_run(dag_id: str, run_id: str, conf: Mapping[str, JsonValue]) -> RunStart:
    """Create a run, or find the one with this id; one that has failed is continued.

    Raises:
        AirflowRuntimeError: Airflow refuses, e.g. because the DAG does not exist, or does not answer.
    """
    from airflow.sdk.execution_time.comms import TriggerDagRun
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS, RuntimeTaskInstance

    if create_run(dag_id, run_id, conf):
        return RunStart.NEW
    if RuntimeTaskInstance.get_dagrun_state(dag_id, run_id) != "failed":
        return RunStart.FOUND
    SUPERVISOR_COMMS.send(TriggerDagRun(dag_id=dag_id, run_id=run_id, conf=dict(conf), reset_dag_run=True))
    return RunStart.CONTINUED
