"""RayOperator: any entrypoint on any Ray cluster, submitted exactly once, waited for without a worker slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, cast

from airflow.sdk import BaseOperator, ResumableJobMixin
from airflow.sdk.exceptions import AirflowFailException

from llmbatch.core.clock import Clock, SystemClock
from llmbatch.core.errors import RayJobError
from llmbatch.orchestrator.ray_jobs.event import RayJobEvent, RayJobReason, read_ray_event
from llmbatch.orchestrator.ray_jobs.generations import CURRENT_KEY, Generations, generation_of
from llmbatch.orchestrator.ray_jobs.links import KeptLink, RayDashboardLink, show_links
from llmbatch.orchestrator.ray_jobs.outcome import failure_text, log_end, lost_contact
from llmbatch.orchestrator.ray_jobs.polling import Polling
from llmbatch.orchestrator.ray_jobs.status import RayJobInfo, RayJobStatus
from llmbatch.orchestrator.ray_jobs.submission import RaySubmission, filled, origin_of
from llmbatch.orchestrator.ray_jobs.time_limits import TimeLimits
from llmbatch.orchestrator.ray_jobs.wait import wait_until_over, wait_until_stopped

if TYPE_CHECKING:
    from airflow.sdk import Context

    from llmbatch.orchestrator.ray_jobs.address import RayAddress
    from llmbatch.orchestrator.ray_jobs.client import RayJobs


class RayOperator(ResumableJobMixin, BaseOperator):
    """Run an entrypoint as a Ray job and wait for its end.

    The submission id is ``<job_name>-g<generation>``. A retry, a cleared task or a restarted worker attaches to the
    submission that still runs; only when Ray reports that it is over does the next attempt submit the next generation,
    a cleared *success* included. While deferred the task holds no worker slot, and the job's new log lines appear in
    the task log. Marking the task failed or successful stops the job; clearing it does not (the new attempt attaches).

    It does not ship code (use the image, or ``runtime_env``) and does not start clusters. A subclass may override
    ``failure`` to give exit codes a meaning, and ``on_cancel`` to stop a job in another way.

    Args:
        job_name: first part of the submission id; unique per DAG run and task.
        entrypoint: shell command; ``{generation}`` and ``{submission_id}`` in it are filled in.
        ray_conn_id: Airflow connection of type ``ray``.
        runtime_env: Ray runtime environment.
        metadata: text values shown on Ray's dashboard.
        ray_resources: ``entrypoint_num_cpus``, ``_num_gpus``, ``_memory``, ``_resources`` of the Ray Jobs API.
        job_timeout: longest time a generation may run by Ray's clock; then it is stopped and the task fails.
        pending_minutes: longest time from the submission until Ray starts a generation; then the same happens.
        poll_seconds: seconds between two polls.
        poll_failures_tolerated: failed polls in a row before the task fails (its retry attaches again).
        deferrable: wait in the triggerer; False waits in the worker.
    """

    clock: ClassVar[Clock] = SystemClock()
    """Replaced by tests. Not an argument: Airflow stores the arguments of an operator."""
    external_id_key = CURRENT_KEY
    template_fields: Sequence[str] = (
        "job_name", "entrypoint", "ray_conn_id", "runtime_env", "metadata", "ray_resources",
        "pending_minutes", "poll_seconds", "poll_failures_tolerated",
    )  # fmt: skip
    operator_extra_links: Sequence[KeptLink] = (RayDashboardLink(),)
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
        job_timeout: timedelta | None = None,
        pending_minutes: float | None = None,
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
        self.job_timeout = job_timeout
        self.pending_minutes = pending_minutes
        self.poll_seconds = poll_seconds
        self.poll_failures_tolerated = poll_failures_tolerated
        self.deferrable = deferrable
        self.dashboard_url: str | None = None
        self._address: RayAddress | None = None
        self._waiting_for: str | None = None

    def execute(self, context: Context) -> Any:
        """Attach to the running submission or start the next one, then wait."""
        return self.execute_resumable(context)

    def submit_job(self, context: Context) -> str:
        """Submit the first generation that is not over; attach to one that a crash left unrecorded."""
        generations = self._generations(context)
        with self._jobs() as jobs:
            number = generations.choose(jobs, self.used_generations())
            self._waiting_for = generations.submission_id(number)
            info = jobs.submit(self._submission(self._waiting_for, number, context))
        self.log.info("event=submitted submission_id=%s status=%s", info.submission_id, info.status)
        return info.submission_id

    def get_job_status(self, external_id: Any, context: Context) -> str:
        """Return Ray's status of a submission whose end no attempt has seen; a final reason still fails the task."""
        with self._jobs() as jobs:
            info = jobs.status(str(external_id))
        if info.status.is_failed and isinstance(self.failure(info, ""), AirflowFailException):
            self._conclude(info, context)
        elif info.status.is_over:
            self.on_over(info.status, info.driver_exit_code)
        return info.status

    def is_job_active(self, status: str) -> bool:
        """Whether to attach."""
        return RayJobStatus(status).is_active

    def is_job_succeeded(self, status: str) -> bool:
        """Whether the earlier attempt's job ended well, unseen."""
        return RayJobStatus(status).is_succeeded

    def poll_until_complete(self, external_id: Any, context: Context) -> Any:
        """Wait for the end, deferred if ``deferrable``, and return the result (the mixin's reattach needs it)."""
        submission_id = self._attend(str(external_id), context)
        with self._jobs() as jobs:
            info = jobs.status(submission_id)
        if info.status.is_over:
            return self._conclude(info, context)
        limits = TimeLimits.given(self.pending_minutes, self.job_timeout)
        ends_at, pending_until = limits.ends_at(info, self.clock), limits.pending_until(info, self.clock)
        poll_seconds, tolerated = float(self.poll_seconds), int(self.poll_failures_tolerated)
        if self.deferrable:
            from llmbatch.orchestrator.ray_jobs.trigger import RayJobTrigger

            trigger = RayJobTrigger(
                submission_id=submission_id,
                ray_conn_id=self.ray_conn_id,
                poll_seconds=poll_seconds,
                poll_failures_tolerated=tolerated,
                ends_at=ends_at,
                pending_until=pending_until,
            )
            self.defer(trigger=trigger, method_name="resume")
        with self._jobs() as jobs:
            polling = Polling.until(ends_at, tolerated, self.clock, pending_until)
            seen = wait_until_over(jobs, submission_id, polling, poll_seconds, self.clock)
        return self._end(seen, context)

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
        return self._end(seen, context)

    def _end(self, seen: RayJobEvent, context: Context) -> dict[str, Any]:
        """Return the result, or raise, by the reason why the wait ended."""
        if seen.reason in {RayJobReason.TIMEOUT, RayJobReason.PENDING}:
            self._give_up(seen, context)
        if seen.reason is RayJobReason.UNREACHABLE or seen.status is None:
            raise lost_contact(seen, self.poll_failures_tolerated)
        info = RayJobInfo(seen.submission_id, seen.status, seen.message, driver_exit_code=seen.driver_exit_code)
        return self._conclude(info, context)

    def failure(self, info: RayJobInfo, end_of_log: str) -> AirflowFailException | RayJobError:
        """Return the error of a job that ended without success. ``AirflowFailException`` allows no retry."""
        return RayJobError(failure_text(info, info.message, end_of_log))

    def used_generations(self) -> int:
        """Return the highest generation that the job has recorded elsewhere than in Airflow. Override; 0: none."""
        return 0

    def on_cancel(self, jobs: RayJobs, submission_id: str) -> None:
        """End the job because a user ended the task. Override to end it without Ray's SIGTERM."""
        jobs.stop(submission_id)

    def on_over(self, end: str, exit_code: int | None = None) -> None:
        """Note how a submission ended, once: Ray's status, ``timeout`` or ``pending``. Override; by default nothing."""

    def on_kill(self) -> None:
        """Stop the job when the task is killed in its worker: in a signal handler, so without a call to Airflow."""
        if self._address is None or self._waiting_for is None:
            return
        from llmbatch.orchestrator.ray_jobs.client import RayJobs

        try:
            with RayJobs(self._address) as jobs:  # the interrupted code may hold the other client
                self.on_cancel(jobs, self._waiting_for)
        except RayJobError as error:
            self.log.warning("event=stop_failed submission_id=%s error=%s", self._waiting_for, error)

    def _jobs(self) -> RayJobs:
        from llmbatch.orchestrator.ray_jobs.hook import RayHook

        jobs = RayHook(self.ray_conn_id).get_conn()
        self._address = jobs.address
        return jobs

    def _generations(self, context: Context) -> Generations:
        return Generations(self.job_name, cast("Any", context.get("task_state_store")))

    def _submission(self, submission_id: str, generation: int, context: Context) -> RaySubmission:
        entrypoint = filled(self.entrypoint, submission_id, generation)
        metadata = {**origin_of(context["ti"], generation), **(self.metadata or {})}
        return RaySubmission(submission_id, entrypoint, self.runtime_env or {}, metadata, self.ray_resources or {})

    def _attend(self, submission_id: str, context: Context) -> str:
        """Note which job ``on_kill`` must stop, and show the links while it runs."""
        self._waiting_for = submission_id
        if self._address is None:
            self._jobs().close()
        if self._address is not None:
            self.dashboard_url = self._address.dashboard_of(submission_id)
        show_links(self, self.operator_extra_links, context)
        return submission_id

    def _give_up(self, seen: RayJobEvent, context: Context) -> NoReturn:
        """Stop the job, and do not attach to it again: it is over, or it is pending and may stay so."""
        with self._jobs() as jobs:
            limits = TimeLimits.given(self.pending_minutes, self.job_timeout)
            error = limits.error(seen, self.ray_resources or {}, jobs)
            self.on_cancel(jobs, seen.submission_id)
            if wait_until_stopped(jobs, seen.submission_id, self.clock) or seen.reason is RayJobReason.PENDING:
                self._generations(context).close(seen.submission_id)
                self.on_over(seen.reason)
        raise error

    def _conclude(self, info: RayJobInfo, context: Context) -> dict[str, Any]:
        """Return the result of a job that is over, or raise with the reason and the end of its log."""
        code = info.driver_exit_code
        self.log.info("event=over submission_id=%s status=%s exit_code=%s", info.submission_id, info.status, code)
        self.on_over(info.status, code)
        if info.status.is_succeeded:
            return self.get_job_result(info.submission_id, context)
        self._generations(context).close(info.submission_id)
        raise self.failure(info, log_end(info, self._jobs))
