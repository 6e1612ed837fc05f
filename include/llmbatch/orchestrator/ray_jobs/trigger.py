"""RayJobTrigger: waits for one Ray job, and passes its log on. It decides nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from llmbatch.orchestrator.deployment.run_states import is_ended, task_state
from llmbatch.orchestrator.ray_jobs.event import RayJobEvent, RayJobReason
from llmbatch.orchestrator.ray_jobs.hook import RayHook
from llmbatch.orchestrator.ray_jobs.log import JobLog

if TYPE_CHECKING:
    from llmbatch.orchestrator.ray_jobs.client import AsyncRayJobs
    from llmbatch.orchestrator.ray_jobs.status import RayJobInfo

SETTLE_SECONDS = 2.0
"""Longest wait before the first look. An event that comes before the scheduler has seen the deferring process end makes
Airflow 3.3.2 kill the resumed task as an orphan and retry it."""
LOG_SECONDS = 5.0
"""Time between two looks at the log ..."""
LOG_BYTES_PER_SECOND = 200_000
"""... and more for a long one: Ray's API gives the whole log each time; 10 MB are fetched every 50 s."""

ASK_SECONDS = 20.0
"""How long Airflow may take to tell a task's state, which a cold triggerer needs; ``on_kill`` as a whole gets 30 s
([triggerer] on_kill_timeout), and stopping the job takes well under the rest."""


class RayJobTrigger(BaseTrigger):
    """Wait until a submission is over, its time is up, or Ray stays silent for too many polls.

    Its keyword arguments are a wire format: a deferred trigger outlives a deploy. Add with a default, never rename.

    Args:
        submission_id: Ray job to wait for.
        ray_conn_id: Airflow connection; the token never enters the database.
        poll_seconds: time between two looks.
        poll_failures_tolerated: failed looks in a row before giving up.
        ends_at: seconds since the epoch after which the job has run too long; None waits for ever.
        version: of this wire format.
    """

    def __init__(
        self,
        *,
        submission_id: str,
        ray_conn_id: str,
        poll_seconds: float = 3,
        poll_failures_tolerated: int = 20,
        ends_at: float | None = None,
        version: int = 1,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.submission_id = submission_id
        self.ray_conn_id = ray_conn_id
        self.poll_seconds = poll_seconds
        self.poll_failures_tolerated = poll_failures_tolerated
        self.ends_at = ends_at
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
                "version": self.version,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until there is one event to send."""
        client: AsyncRayJobs | None = None
        failures = 0
        try:
            await asyncio.sleep(min(self.poll_seconds, SETTLE_SECONDS))
            while True:
                try:
                    client = client or await RayHook(self.ray_conn_id).get_async_conn()
                    info = await client.status(self.submission_id)
                    await self._pass_log_on(client, whole=info.status.is_over)
                except Exception as error:  # any failed look counts, whatever failed: Ray, network, Airflow's own API
                    failures += 1
                    self.log.warning("submission_id=%s poll failed (%s): %s", self.submission_id, failures, error)
                    if failures > self.poll_failures_tolerated:
                        yield self._event(RayJobReason.UNREACHABLE, message=str(error))
                        return
                else:
                    failures = 0
                    if info.status.is_over:
                        yield self._event(RayJobReason.OVER, info)
                        return
                if self.ends_at is not None and time.time() >= self.ends_at:
                    yield self._event(RayJobReason.TIMEOUT)
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
            self.log.info("submission_id=%s goes on: the task was cleared and will attach to it", self.submission_id)
            return
        client = await RayHook(self.ray_conn_id).get_async_conn()
        try:
            stopped = await client.stop(self.submission_id)
        finally:
            await client.aclose()
        self.log.info("submission_id=%s stopped=%s", self.submission_id, stopped)

    async def _pass_log_on(self, client: AsyncRayJobs, *, whole: bool) -> None:
        if not whole and time.monotonic() < self._log_due:
            return
        text = await client.logs(self.submission_id)
        self._log_due = time.monotonic() + max(LOG_SECONDS, len(text) / LOG_BYTES_PER_SECOND)
        lines = self._job_log.new_lines(text)
        for line in lines + (self._job_log.close() if whole else []):
            self.log.info("%s | %s", self.submission_id, line)

    def _event(self, reason: RayJobReason, info: RayJobInfo | None = None, message: str = "") -> TriggerEvent:
        event = RayJobEvent(
            submission_id=self.submission_id,
            reason=reason,
            status=info.status if info else None,
            driver_exit_code=info.driver_exit_code if info else None,
            message=info.message if info else message,
        )
        return TriggerEvent(event.model_dump(mode="json"))  # type: ignore[no-untyped-call]


async def is_going_to_end(ti: Any) -> bool:
    """Whether a user ended this task instance for good; also when nobody can say, for an orphan burns GPUs."""
    try:
        asking = asyncio.to_thread(task_state, ti.dag_id, ti.run_id, ti.task_id, ti.map_index)
        state = await asyncio.wait_for(asking, ASK_SECONDS)
    except Exception:  # the answer to every failure is the same: end the job
        return True
    return is_ended(state)
