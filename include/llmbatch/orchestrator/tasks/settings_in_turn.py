"""Runs the jobs of a benchmark one after the other, each a run of ``llmbatch_inference``; see ADR 15."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, DagRunTriggerException

from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.orchestrator.deployment.run_states import DagRunState, dag_run_state

POLL_SECONDS = 5


class SettingsInTurn(BaseOperator):
    """Starts the first job that has no run, waits for one that is not over, and ends when all are over.

    It is deferred while it waits, so it holds no worker. All that it knows is in the states of the runs: a second
    attempt waits for the run that the first one started. A run that failed is over, and the next one follows.

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
                self._start(job)
            self._await(job)

    def execute_complete(self, context: Any, event: Any) -> None:  # noqa: ARG002 - the trigger's answer says no more
        """Go on after one run is over."""
        self.execute(context)

    def _start(self, job: dict[str, Any]) -> NoReturn:
        """Let Airflow create the run and defer this task until it is over."""
        raise DagRunTriggerException(
            trigger_dag_id=INFERENCE_DAG,
            dag_run_id=job["run_id"],
            conf=job["conf"],
            reset_dag_run=False,
            skip_when_already_exists=False,
            wait_for_completion=True,
            allowed_states=["success", "failed"],
            failed_states=[],
            poke_interval=POLL_SECONDS,
            deferrable=True,
        )

    def _await(self, job: dict[str, Any]) -> NoReturn:
        from airflow.providers.standard.triggers.external_task import DagStateTrigger
        from airflow.utils.state import DagRunState as States

        trigger = DagStateTrigger(
            dag_id=INFERENCE_DAG,
            states=[States.SUCCESS, States.FAILED],
            run_ids=[job["run_id"]],
            poll_interval=POLL_SECONDS,
        )
        self.defer(trigger=trigger, method_name="execute_complete")
