"""JobRun: the operator of a batch job's Ray job; it knows the job's manifest and exit codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from llmbatch.core import metrics
from llmbatch.core.claims import last_claim
from llmbatch.core.errors import ForeignManifest, ObjectMissing, RayJobError
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import read_manifest
from llmbatch.core.states import ExitReason
from llmbatch.orchestrator.deployment.names import START_ORDER
from llmbatch.orchestrator.deployment.settings import load_settings
from llmbatch.orchestrator.metrics.events import count
from llmbatch.orchestrator.ray_jobs.generations import generation_of
from llmbatch.orchestrator.ray_jobs.links import KeptLink, RayDashboardLink, show_links
from llmbatch.orchestrator.ray_jobs.operator import RayOperator
from llmbatch.orchestrator.ray_jobs.outcome import failure_text

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import TaskInstanceKey

    from llmbatch.orchestrator.ray_jobs.status import RayJobInfo


class ResultsLink(KeptLink):
    """Where the job delivers its results."""

    attribute = "results_uri"

    def stored(self, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - the signature is Airflow's
        """Return an empty text: the address is a field of the operator, so every process holds it."""
        return ""

    @property
    def name(self) -> str:
        """Text of the button."""
        return "Results"

    @property
    def xcom_key(self) -> str:
        """Key under which Airflow stores the link."""
        return "ray_results_link"


class JobRun(RayOperator):
    """Run the Ray job of one batch job, unless its manifest shows that the work is finished.

    An exit code of ``ExitReason`` puts the reason and its advice into the error. A final reason fails the task without
    a retry, for the next generation would end the same way. Waiting tasks get slots by the priority of their requests.

    Args:
        results_uri: address behind the "Results" button.
        done_uri: the manifest in the job's folder. While it exists the task succeeds without a call to Ray, a cleared
            success included.
        done_conn_id: Airflow connection of type ``aws`` for ``done_uri``.
        kwargs: arguments of ``RayOperator``.
    """

    template_fields: Sequence[str] = (*RayOperator.template_fields, "results_uri", "done_uri", "done_conn_id")
    operator_extra_links = (RayDashboardLink(), ResultsLink())

    def __init__(
        self,
        *,
        results_uri: str | None = None,
        done_uri: str | None = None,
        done_conn_id: str = "aws_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(weight_rule=START_ORDER, **kwargs)
        self.results_uri = results_uri
        self.done_uri = done_uri
        self.done_conn_id = done_conn_id

    def execute(self, context: Context) -> Any:
        """Return at once if the work is finished; otherwise run the Ray job.

        Raises:
            StoreError: the store did not answer whether the manifest exists; a retry checks again.
            AirflowFailException: the manifest there is not this job's.
        """
        if self._is_done():
            self.log.info("event=already_done job_name=%s done_uri=%s", self.job_name, self.done_uri)
            show_links(self, self.operator_extra_links, context)
            return {"done_uri": self.done_uri}
        return super().execute(context)

    def submit_job(self, context: Context) -> str:
        """Submit the next generation, with the code that the configuration of now names, and count it.

        Raises:
            ConfigError: config.yaml cannot be used.
        """
        modules = load_settings().ray.py_modules
        if modules:
            self.runtime_env = {**(self.runtime_env or {}), "py_modules": [*modules]}
        submission_id = super().submit_job(context)
        count(metrics.GENERATIONS, "first" if generation_of(submission_id) == 1 else "restart")
        return submission_id

    def on_over(self, end: str, exit_code: int | None = None) -> None:
        """Count how the Ray job ended: by its exit reason, else by Ray's status or the limit that it ran into."""
        reason = _reason(exit_code)
        count(metrics.RAY_JOBS_ENDED, (reason.name if reason is not None else end).lower())

    def used_generations(self) -> int:
        """Return the highest generation that has claimed the job. Maintenance keeps that claim.

        Raises:
            StoreError: the store did not answer; a retry reads again.
        """
        if not self.done_uri:
            return 0
        from llmbatch.orchestrator.deployment.store import open_store

        return last_claim(open_store(self.done_conn_id), JobLayout(self.done_uri.rpartition("/")[0]))

    def failure(self, info: RayJobInfo, end_of_log: str) -> AirflowFailException | RayJobError:
        """Return the error with the exit reason and its advice; a final reason allows no retry."""
        reason = _reason(info.driver_exit_code)
        if reason is None:
            return super().failure(info, end_of_log)
        if reason.is_final:
            return AirflowFailException(failure_text(info, f"{reason.name}: {reason.advice}", end_of_log))
        return RayJobError(failure_text(info, f"{reason.name}: {reason.advice}", end_of_log))

    def _is_done(self) -> bool:
        if not self.done_uri:
            return False
        from llmbatch.orchestrator.deployment.store import open_store

        try:
            read_manifest(JobLayout(self.done_uri.rpartition("/")[0]), open_store(self.done_conn_id))
        except ObjectMissing:
            return False
        except ForeignManifest as error:
            raise AirflowFailException(str(error)) from error
        return True


def _reason(exit_code: int | None) -> ExitReason | None:
    """Return the reason, None while the entrypoint has no exit code or for a code of another program."""
    return ExitReason(exit_code) if exit_code in {reason.value for reason in ExitReason} else None
