"""The DAG runs of dropped inputs, through the API that Airflow gives to a task. Call it in a task only."""

from __future__ import annotations

from pydantic import JsonValue

from llmbatch.core.errors import RequestError
from llmbatch.core.identity import FAILURE, INFERENCE_DAG
from llmbatch.core.shown import shown_lines
from llmbatch.orchestrator.deployment.run_starts import create_run
from llmbatch.orchestrator.deployment.run_states import DagRunState, dag_run_state, failed_tasks

_REFUSED = {400, 404, 422}


class AirflowRuns:
    """The runs of ``llmbatch_inference``."""

    def start(self, run_id: str, conf: dict[str, JsonValue]) -> None:
        """Start a run; one that exists stays as it is.

        Raises:
            RequestError: Airflow refuses the run, with its reason.
            AirflowRuntimeError: Airflow could not be reached.
        """
        from airflow.sdk.exceptions import AirflowRuntimeError

        try:
            create_run(INFERENCE_DAG, run_id, conf)
        except AirflowRuntimeError as error:
            detail = error.error.detail or {}
            if detail.get("status_code") not in _REFUSED:
                raise
            raise RequestError(
                "conf", f"Airflow refused the run: {shown_lines(detail.get('detail'))}", "Correct the options."
            ) from None

    def state(self, run_id: str) -> DagRunState:
        """Return the state of a run."""
        return dag_run_state(INFERENCE_DAG, run_id)

    def failure(self, run_id: str) -> str:
        """Return the errors of the run's failed tasks as they noted them, else the tasks' names."""
        from airflow.sdk.execution_time.xcom import XCom

        found = []
        for task_id in failed_tasks(INFERENCE_DAG, run_id):
            text = XCom.get_one(key=FAILURE, dag_id=INFERENCE_DAG, task_id=task_id, run_id=run_id)
            found.append(f"Task {task_id} failed: {text or 'see its log in Airflow'}")
        return shown_lines("\n".join(found) or "Its DAG run ended without a manifest; see it in Airflow.")
