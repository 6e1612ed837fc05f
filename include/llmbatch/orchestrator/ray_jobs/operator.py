"""RayOperator: any entrypoint on any Ray cluster, submitted exactly once, waited for without a worker slot."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn, cast

from airflow.sdk import BaseOperator, ResumableJobMixin
from airflow.sdk.exceptions import AirflowFailException

from llmbatch.core.errors import ObjectMissing, RayJobError
from llmbatch.orchestrator.ray_jobs.event import RayJobReason, read_ray_event
from llmbatch.orchestrator.ray_jobs.generations import CURRENT_KEY, Generations, generation_of
from llmbatch.orchestrator.ray_jobs.links import RayDashboardLink, ResultsLink
from llmbatch.orchestrator.ray_jobs.log import last_lines
from llmbatch.orchestrator.ray_jobs.outcome import ExitReasons, failure_of
from llmbatch.orchestrator.ray_jobs.status import RayJobInfo, RayJobStatus

if TYPE_CHECKING:
    from airflow.sdk import Context

    from llmbatch.orchestrator.ray_jobs.address import RayAddress
    from llmbatch.orchestrator.ray_jobs.client import RayJobs, RaySubmission

STOP_SECONDS = 20.0
"""How long a timed-out job may take to stop before the task fails anyway."""


class RayOperator(ResumableJobMixin, BaseOperator):
    """Run an entrypoint as a Ray job and wait for its end.

    The submission id is ``<job_name>-g<generation>``. A retry, a cleared task or a restarted worker attaches to the
    submission that still runs; only when Ray says that it is over does the next attempt submit the next generation,
    a cleared *success* included, unless ``done_uri`` says that there is nothing left to do. While deferred the task
    holds no worker slot and the job's new log lines appear in the task log. Marking the task failed or successful stops
    the job; clearing it does not (the new attempt attaches).

    What it does not do: ship code (use the image, or ``runtime_env``), start clusters, or trust Ray with the truth.

    Args:
        job_name: first part of the submission id; unique per DAG run and task.
        entrypoint: shell command; ``{generation}`` and ``{submission_id}`` in it are filled in.
        ray_conn_id: Airflow connection of type ``ray``.
        runtime_env: Ray runtime environment.
        metadata: text values shown on Ray's dashboard.
        ray_resources: ``entrypoint_num_cpus``, ``_num_gpus``, ``_memory``, ``_resources`` of the Ray Jobs API.
        results_uri: address behind the "Results" button.
        done_uri: an object that is there once the work is done for good; then the task succeeds and Ray is not asked.
        done_conn_id: Airflow connection of type ``aws`` for ``done_uri``.
        exit_reasons: turns an exit code into a reason (raise ``ValueError`` for an unknown one); a final reason fails
            the task without a retry.
        job_timeout: longest time a generation may run by Ray's clock; then it is stopped and the task fails.
        poll_seconds: time between two looks at Ray.
        poll_failures_tolerated: failed looks in a row before the task fails (its retry attaches again).
        deferrable: wait in the triggerer; False waits in the worker.
    """

    external_id_key = CURRENT_KEY
    template_fields: Sequence[str] = (
        "job_name",
        "entrypoint",
        "ray_conn_id",
        "runtime_env",
        "metadata",
        "ray_resources",
        "results_uri",
        "done_uri",
        "done_conn_id",
        "poll_seconds",
        "poll_failures_tolerated",
    )
    operator_extra_links = (RayDashboardLink(), ResultsLink())
    ui_color = "#d7ecff"

    def __init__(
        self,
        *,
        job_name: str,
        entrypoint: str,
        ray_conn_id: str = "llmbatch_ray",
        runtime_env: Mapping[str, Any] | None = None,
        metadata: Mapping[str, str] | None = None,
        ray_resources: Mapping[str, Any] | None = None,
        results_uri: str | None = None,
        done_uri: str | None = None,
        done_conn_id: str = "aws_default",
        exit_reasons: ExitReasons | None = None,
        job_timeout: timedelta | None = None,
        poll_seconds: float = 3,
        poll_failures_tolerated: int = 20,
        deferrable: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_name = job_name
        self.entrypoint = entrypoint
        self.ray_conn_id = ray_conn_id
        self.runtime_env = runtime_env
        self.metadata = metadata
        self.ray_resources = ray_resources
        self.results_uri = results_uri
        self.done_uri = done_uri
        self.done_conn_id = done_conn_id
        self.exit_reasons = exit_reasons
        self.job_timeout = job_timeout
        self.poll_seconds = poll_seconds
        self.poll_failures_tolerated = poll_failures_tolerated
        self.deferrable = deferrable
        self.dashboard_url: str | None = None
        self._address: RayAddress | None = None
        self._waiting_for: str | None = None

    def execute(self, context: Context) -> Any:
        """Attach to the running submission or start the next one, then wait; return at once if the work is done."""
        if self._is_done():
            self.log.info("job_name=%s is done, nothing is run: %s exists", self.job_name, self.done_uri)
            self._show_links(context)
            return {"done_uri": self.done_uri}
        return self.execute_resumable(context)

    def submit_job(self, context: Context) -> str:
        """Submit the first generation that is not over. One that a crash left unrecorded is met, not repeated."""
        generations = self._generations(context)
        generation = generations.next()
        with self._jobs() as jobs:
            while _ended_badly(jobs.status(generations.submission_id(generation))):
                generation += 1
            submission = self._submission(generations.submission_id(generation), generation, context)
            self._waiting_for = submission.submission_id
            info = jobs.submit(submission)
        self.log.info("submission_id=%s generation=%s status=%s", info.submission_id, generation, info.status)
        return info.submission_id

    def get_job_status(self, external_id: Any, context: Context) -> str:
        """Return Ray's word for a submission whose end no attempt has seen yet.

        Airflow may lose the attempt that was about to see it. A final reason then still fails the task: the next
        generation would end the same way.
        """
        with self._jobs() as jobs:
            info = jobs.status(str(external_id))
        if _ended_badly(info) and isinstance(failure_of(info, self.exit_reasons, ""), AirflowFailException):
            self._conclude(info, context)
        return info.status

    def is_job_active(self, status: str) -> bool:
        """Whether to attach."""
        return RayJobStatus(status).is_active

    def is_job_succeeded(self, status: str) -> bool:
        """Whether the earlier attempt's job ended well, unseen."""
        return RayJobStatus(status).is_succeeded

    def poll_until_complete(self, external_id: Any, context: Context) -> Any:
        """Wait for the end, deferred unless told otherwise, and return the result (the mixin's reattach needs it)."""
        submission_id = self._attend(str(external_id), context)
        with self._jobs() as jobs:
            info = jobs.status(submission_id)
        if info.status.is_over:
            return self._conclude(info, context)
        ends_at = self._ends_at(info)
        if self.deferrable:
            from llmbatch.orchestrator.ray_jobs.trigger import RayJobTrigger

            self.defer(
                trigger=RayJobTrigger(
                    submission_id=submission_id,
                    ray_conn_id=self.ray_conn_id,
                    poll_seconds=float(self.poll_seconds),
                    poll_failures_tolerated=int(self.poll_failures_tolerated),
                    ends_at=ends_at,
                ),
                method_name="resume",
            )
        return self._wait_here(submission_id, ends_at, context)

    def get_job_result(self, external_id: Any, context: Context) -> dict[str, Any]:
        """Return what goes into XCom, and remember that this generation is over."""
        if self.dashboard_url is None:
            self._attend(str(external_id), context)
        self._generations(context).close(str(external_id))
        return {"submission_id": str(external_id), "generation": generation_of(str(external_id))}

    def resume(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Go on after the trigger's event."""
        seen = read_ray_event(event)
        self._attend(seen.submission_id, context)
        if seen.reason is RayJobReason.TIMEOUT:
            self._time_out(seen.submission_id, context)
        if seen.reason is RayJobReason.UNREACHABLE or seen.status is None:
            raise RayJobError(
                f"submission_id={seen.submission_id}: lost contact after {self.poll_failures_tolerated} failed polls; "
                f"the job may still run and the next attempt attaches to it. {seen.message}"
            )
        return self._conclude(
            RayJobInfo(seen.submission_id, seen.status, seen.message, driver_exit_code=seen.driver_exit_code), context
        )

    def on_cancel(self, jobs: RayJobs, submission_id: str) -> None:
        """End the job because a user ended the task. Override to be more polite than Ray's SIGTERM."""
        jobs.stop(submission_id)

    def on_kill(self) -> None:
        """Stop the job when the task is killed in its worker.

        Runs inside a signal handler, so it asks nothing of Airflow and shares no client with the interrupted code.
        """
        if self._address is None or self._waiting_for is None:
            return
        from llmbatch.orchestrator.ray_jobs.client import RayJobs

        try:
            with RayJobs(self._address) as jobs:
                self.on_cancel(jobs, self._waiting_for)
        except RayJobError as error:
            self.log.warning("submission_id=%s could not be stopped: %s", self._waiting_for, error)

    def _is_done(self) -> bool:
        if not self.done_uri:
            return False
        from llmbatch.orchestrator.deployment.store import open_store

        try:
            open_store(self.done_conn_id).head(self.done_uri)
        except ObjectMissing:
            return False
        return True

    def _jobs(self) -> RayJobs:
        from llmbatch.orchestrator.ray_jobs.hook import RayHook

        jobs = RayHook(self.ray_conn_id).get_conn()
        self._address = jobs.address
        return jobs

    def _generations(self, context: Context) -> Generations:
        return Generations(self.job_name, cast("Any", context.get("task_state_store")))

    def _submission(self, submission_id: str, generation: int, context: Context) -> RaySubmission:
        from llmbatch.orchestrator.ray_jobs.client import RaySubmission

        ti = context["ti"]
        entrypoint = self.entrypoint.replace("{generation}", str(generation)).replace("{submission_id}", submission_id)
        origin = {"dag_id": ti.dag_id, "run_id": ti.run_id, "task_id": ti.task_id, "generation": str(generation)}
        return RaySubmission(
            submission_id=submission_id,
            entrypoint=entrypoint,
            runtime_env=self.runtime_env or {},
            metadata={**origin, **(self.metadata or {})},
            resources=self.ray_resources or {},
        )

    def _attend(self, submission_id: str, context: Context) -> str:
        """Note which job ``on_kill`` must stop, and show the links while it runs."""
        self._waiting_for = submission_id
        if self._address is None:
            self._jobs().close()
        if self._address is not None:
            self.dashboard_url = self._address.dashboard_of(submission_id)
        self._show_links(context)
        return submission_id

    def _show_links(self, context: Context) -> None:
        for link in self.operator_extra_links:
            url = getattr(self, link.attribute)
            if url:
                context["ti"].xcom_push(key=link.xcom_key, value=url)

    def _ends_at(self, info: RayJobInfo) -> float | None:
        if self.job_timeout is None:
            return None
        return ((info.started_at or datetime.now(UTC)) + self.job_timeout).timestamp()

    def _wait_here(self, submission_id: str, ends_at: float | None, context: Context) -> dict[str, Any]:
        failures = 0
        with self._jobs() as jobs:
            while True:
                time.sleep(float(self.poll_seconds))
                try:
                    info = jobs.status(submission_id)
                except RayJobError as error:
                    failures += 1
                    if failures > int(self.poll_failures_tolerated):
                        raise
                    self.log.warning("submission_id=%s poll failed (%s): %s", submission_id, failures, error)
                    continue
                failures = 0
                if info.status.is_over:
                    return self._conclude(info, context)
                if ends_at is not None and datetime.now(UTC).timestamp() >= ends_at:
                    self._time_out(submission_id, context)

    def _time_out(self, submission_id: str, context: Context) -> NoReturn:
        """Stop the job and see it stopped, so that the next attempt does not attach to a dying one."""
        until = time.monotonic() + STOP_SECONDS
        with self._jobs() as jobs:
            self.on_cancel(jobs, submission_id)
            while jobs.status(submission_id).status.is_active and time.monotonic() < until:
                time.sleep(0.5)
            if jobs.status(submission_id).status.is_over:
                self._generations(context).close(submission_id)
        raise RayJobError(f"submission_id={submission_id}: stopped after the job timeout of {self.job_timeout}")

    def _conclude(self, info: RayJobInfo, context: Context) -> dict[str, Any]:
        """Return the result of a job that is over, or raise with the reason and the end of its log."""
        self.log.info("submission_id=%s status=%s exit_code=%s", info.submission_id, info.status, info.driver_exit_code)
        if info.status.is_succeeded:
            return self.get_job_result(info.submission_id, context)
        self._generations(context).close(info.submission_id)
        raise failure_of(info, self.exit_reasons, self._end_of_log(info))

    def _end_of_log(self, info: RayJobInfo) -> str:
        if info.status is RayJobStatus.NOT_FOUND:
            return "Ray has forgotten the job: its head node was replaced, or the job was deleted there."
        try:
            with self._jobs() as jobs:
                return f"The log ends with:\n{last_lines(jobs.logs(info.submission_id))}"
        except RayJobError as error:
            return f"(its log cannot be read: {error})"


def _ended_badly(info: RayJobInfo) -> bool:
    return info.status in {RayJobStatus.FAILED, RayJobStatus.STOPPED}
