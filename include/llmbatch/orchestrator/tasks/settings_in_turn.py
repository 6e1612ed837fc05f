"""Runs the jobs of a benchmark one after the other, each a run of ``llmbatch_inference``; see ADR 15."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException

from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.orchestrator.deployment.run_starts import create_run
from llmbatch.orchestrator.deployment.run_states import DagRunState, dag_run_state
from llmbatch.orchestrator.tasks.run_end import RunEnd

POLL_SECONDS = 5.0


class SettingsInTurn(BaseOperator):
    """Starts the first job that has no run, waits for one that is not over, and ends when all are over.

    It is deferred while it waits, so it holds no worker. All that it knows is in the states of the runs: a second
    attempt waits for the run that the first one started. A run that failed is over, and the next one follows. One that
    was deleted is started again.

    Args:
        jobs: the planned jobs, as the task ``plan`` returned them.
    """

    template_fields: Sequence[str] = ("jobs",)

    def __init__(self, *, jobs: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.jobs = jobs

    def execute(self, context: Any) -> None:
        """Start or await one run, and come back when it is over."""
        for number, job in enumerate(self.jobs, start=1):
            state = dag_run_state(INFERENCE_DAG, job["run_id"])
            if state is DagRunState.OVER:
                continue
            self.log.info("event=setting number=%d of=%d run=%s state=%s", number, len(self.jobs), job["run_id"], state)
            if context["ti"].get_dag(INFERENCE_DAG).is_paused:
                raise AirflowException(f"The DAG {INFERENCE_DAG} is paused, so {job['run_id']} cannot run. Unpause it.")
            if state is DagRunState.GONE:
                create_run(INFERENCE_DAG, job["run_id"], job["conf"])
            end = RunEnd(dag_id=INFERENCE_DAG, run_id=job["run_id"], poll_seconds=POLL_SECONDS)
            self.defer(trigger=end, method_name="execute_complete")

    def execute_complete(self, context: Any, event: Any) -> None:  # noqa: ARG002 - the trigger's answer says no more
        """Go on after one run is over."""
        self.execute(context)
