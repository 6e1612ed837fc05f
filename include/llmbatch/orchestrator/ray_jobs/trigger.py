"""RayJobTrigger: waits for one Ray job, and passes its log on. The operator decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.triggers.base import BaseTrigger, TriggerEvent

from llmbatch.core.clock import Clock, SystemClock
from llmbatch.core.shown import shown
from llmbatch.orchestrator.deployment.run_states import is_ended, task_state
from llmbatch.orchestrator.deployment.threads import RUN_STATES
from llmbatch.orchestrator.ray_jobs.event import RayJobEvent
from llmbatch.orchestrator.ray_jobs.hook import RayHook
from llmbatch.orchestrator.ray_jobs.log import JobLog
from llmbatch.orchestrator.ray_jobs.polling import Polling

if TYPE_CHECKING:
    from llmbatch.orchestrator.ray_jobs.client import AsyncRayJobs

SETTLE_SECONDS = 2.0
"""Longest wait before the first poll. An event that comes before the scheduler has seen the deferring process end makes
Airflow 3.3.2 kill the resumed task as an orphan and retry it."""
LOG_SECONDS = 5.0
"""Seconds between two reads of the log ..."""
LOG_BYTES_PER_SECOND = 200_000
"""... and more for a long one: Ray's API returns the whole log each time; 10 MB are fetched every 50 s."""
STATE_SECONDS = 20.0
"""How long Airflow may take to return a task's state, which a cold triggerer needs; ``on_kill`` as a whole gets 30 s
([triggerer] on_kill_timeout), and stopping the job takes well under the rest."""


class RayJobTrigger(BaseTrigger):
    """Wait until a submission is over, its time to start or to run is up, or too many polls in a row failed.

    Its keyword arguments are a wire format: a deferred trigger outlives a deploy. Add with a default, never rename.

    Args:
        submission_id: Ray job to wait for.
        ray_conn_id: Airflow connection; the token never enters the database.
        poll_seconds: seconds between two polls.
        poll_failures_tolerated: failed polls in a row before the wait ends.
        ends_at: seconds since the epoch after which the job has run too long; None sets no limit. Wall-clock time, for
            the trigger may run in another process, on another machine, than the operator that set it.
        pending_until: the same for a job that Ray has not started.
        version: of this wire format.
    """

    clock: ClassVar[Clock] = SystemClock()
    """Replaced by tests. Not an argument: the arguments are the wire format."""

    def __init__(
        self,
        *,
        submission_id: str,
        ray_conn_id: str,
        poll_seconds: float = 3,
        poll_failures_tolerated: int = 20,
        ends_at: float | None = None,
        pending_until: float | None = None,
        version: int = 1,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.submission_id = submission_id
        self.ray_conn_id = ray_conn_id
        self.poll_seconds = poll_seconds
        self.poll_failures_tolerated = poll_failures_tolerated
        self.ends_at = ends_at
        self.pending_until = pending_until
        self.version = version
        self._job_log = JobLog()
        self._log_due = 0.0
        self._ending: asyncio.Task[None] | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return class path and arguments, exactly those it was built with."""
        return (
            "llmbatch.orchestrator.ray_jobs.trigger.RayJobTrigger",
            {
                "submission_id": self.submission_id,
                "ray_conn_id": self.ray_conn_id,
                "poll_seconds": self.poll_seconds,
                "poll_failures_tolerated": self.poll_failures_tolerated,
                "ends_at": self.ends_at,
                "pending_until": self.pending_until,
                "version": self.version,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until there is one event to send."""
        client: AsyncRayJobs | None = None
        polling = Polling.until(self.ends_at, self.poll_failures_tolerated, self.clock, self.pending_until)
        try:
            await asyncio.sleep(min(self.poll_seconds, SETTLE_SECONDS))
            while True:
                info, message = None, ""
                try:
                    client = client or await RayHook(self.ray_conn_id).get_async_conn()
                    info = await client.status(self.submission_id)
                    await self._pass_log_on(client, whole=info.status.is_over)
                except Exception as error:  # whatever failed counts: Ray, the network, Airflow's own API
                    info, message = None, str(error)
                    reason = polling.failed(self.clock.monotonic())
                    self.log.warning(
                        "event=poll_failed submission_id=%s failures=%d error=%s",
                        self.submission_id,
                        polling.failures,
                        error,
                    )
                else:
                    reason = polling.answered(info.status, self.clock.monotonic())
                if reason is not None:
                    event = RayJobEvent.of(self.submission_id, reason, info, message)
                    yield TriggerEvent(event.model_dump(mode="json"))  # type: ignore[no-untyped-call]
                    return
                await asyncio.sleep(self.poll_seconds)
        finally:
            if client is not None:
                await client.aclose()

    async def on_kill(self) -> None:
        """Stop the job when a user ended the task; not when it was cleared, for the next attempt attaches.

        Airflow 3.3.2 repeats its cancel at every exchange with the triggerer's other process, about once a second, and
        the repetition cancels whatever ``on_kill`` awaits. So the work is a task of its own, which no cancel reaches.
        """
        self._ending = self._ending or asyncio.create_task(self._end())
        await asyncio.shield(self._ending)

    async def _end(self) -> None:
        ti = self.task_instance
        if ti is not None and not await is_going_to_end(ti):
            self.log.info("event=kept submission_id=%s reason=task_cleared", self.submission_id)
            return
        client = await RayHook(self.ray_conn_id).get_async_conn()
        try:
            stopped = await client.stop(self.submission_id)
        finally:
            await client.aclose()
        self.log.info("event=stopped submission_id=%s stopped=%s", self.submission_id, stopped)

    async def _pass_log_on(self, client: AsyncRayJobs, *, whole: bool) -> None:
        if not whole and self.clock.monotonic() < self._log_due:
            return
        text = await client.logs(self.submission_id)
        self._log_due = self.clock.monotonic() + max(LOG_SECONDS, len(text) / LOG_BYTES_PER_SECOND)
        lines = self._job_log.new_lines(text)
        for line in lines + (self._job_log.close() if whole else []):
            self.log.info("%s | %s", self.submission_id, shown(line))


async def is_going_to_end(ti: Any) -> bool:
    """Whether a user ended this task instance; True if Airflow does not answer, because an orphan occupies GPUs."""
    try:
        reading = RUN_STATES.run(task_state, ti.dag_id, ti.run_id, ti.task_id, ti.map_index)
        state = await asyncio.wait_for(reading, STATE_SECONDS)
    except Exception:  # the answer to every failure is the same: end the job
        return True
    return is_ended(state)
