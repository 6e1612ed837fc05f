"""EtaSensor: logs phase, progress and ETA of a running job, raises its SLA alerts, and never fails the DAG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import TaskDeferralError, TaskDeferralTimeout
from pydantic import ValidationError

from llmbatch.core.staleness import STALLED_SECONDS
from llmbatch.orchestrator.watch.event import WatchEvent

if TYPE_CHECKING:
    from airflow.sdk import Context


class EtaSensor(BaseOperator):
    """Watch a job beside the task that runs it. Always deferred, so it holds no worker slot.

    It ends when the heartbeat's phase is ``done`` or when the run task has finally ended; it outlives that task's
    retries. config.yaml sets the thresholds and sinks of its alerts; it requests the reactions that the request allows.
    It does not decide whether the job succeeded (``publish`` proves that), and it does not fail. A lost trigger is
    started again.

    Args:
        job_uri: the job's folder.
        store_conn_id: Airflow connection of the object store.
        run_task_id: the task that runs the job, in the same DAG run.
        poll_seconds: time between two reads of the heartbeat, in seconds.
        stall_seconds: age of a heartbeat, in seconds, from which the job counts as stalled.
    """

    template_fields: Sequence[str] = ("job_uri", "store_conn_id", "poll_seconds", "stall_seconds")
    ui_color = "#fff3c4"

    def __init__(
        self,
        *,
        job_uri: str,
        store_conn_id: str,
        run_task_id: str = "run",
        poll_seconds: float = 3,
        stall_seconds: float = STALLED_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_uri = job_uri
        self.store_conn_id = store_conn_id
        self.run_task_id = run_task_id
        self.poll_seconds = poll_seconds
        self.stall_seconds = stall_seconds

    def execute(self, context: Context) -> None:
        """Start watching."""
        self._watch(context)

    def on_event(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any] | None:  # noqa: ARG002 - Airflow's signature
        """End the watch with the event of the trigger."""
        try:
            seen = WatchEvent.model_validate(event)
        except ValidationError:
            self.log.warning("event=watch_event_unreadable job_uri=%s", self.job_uri)
            return None
        self.log.info(
            "event=watch_over job_id=%s reason=%s phase=%s run_state=%s",
            seen.job_id,
            seen.reason.value,
            seen.phase and seen.phase.value,
            seen.run_state,
        )
        return seen.model_dump(mode="json")

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Continue after an event; defer again after a lost trigger."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except (TaskDeferralError, TaskDeferralTimeout) as error:
            self.log.warning("event=watch_lost job_uri=%s error=%s", self.job_uri, error)
        if self._run_has_ended(context):
            return None
        return self._watch(context)

    def _run_has_ended(self, context: Context) -> bool:
        """Whether there is nothing left to watch; also if Airflow does not answer, to prevent an endless loop."""
        from llmbatch.orchestrator.deployment.run_states import is_ended, task_state

        ti = context["ti"]
        try:
            return is_ended(task_state(ti.dag_id, ti.run_id, self.run_task_id))
        except Exception:
            self.log.warning(
                "event=task_state_unknown job_uri=%s task_id=%s; the watch ends", self.job_uri, self.run_task_id
            )
            return True

    def _watch(self, context: Context) -> None:
        from llmbatch.orchestrator.watch.trigger import EtaTrigger

        ti = context["ti"]
        self.defer(
            trigger=EtaTrigger(
                job_uri=self.job_uri,
                store_conn_id=self.store_conn_id,
                dag_id=ti.dag_id,
                run_id=ti.run_id,
                run_task_id=self.run_task_id,
                poll_seconds=float(self.poll_seconds),
                stall_seconds=float(self.stall_seconds),
            ),
            method_name="on_event",
        )
