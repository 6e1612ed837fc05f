"""Waits that block the worker's process. The trigger waits in the same way, by the rules of ``Polling``, but async."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from llmbatch.core.clock import Clock
from llmbatch.core.errors import RayJobError
from llmbatch.orchestrator.ray_jobs.event import RayJobEvent
from llmbatch.orchestrator.ray_jobs.polling import Polling

if TYPE_CHECKING:
    from llmbatch.orchestrator.ray_jobs.client import RayJobs

STOP_SECONDS = 20.0
"""How long a timed-out job may take to stop before the task fails anyway."""
STOP_POLL_SECONDS = 0.5

_log = logging.getLogger(__name__)


def wait_until_over(
    jobs: RayJobs, submission_id: str, polling: Polling, poll_seconds: float, clock: Clock
) -> RayJobEvent:
    """Poll every ``poll_seconds`` until ``polling`` ends the wait; return the event that a trigger would have sent."""
    while True:
        time.sleep(poll_seconds)
        info, message = None, ""
        try:
            info = jobs.status(submission_id)
        except RayJobError as error:
            message = str(error)
            reason = polling.failed(clock.monotonic())
            _log.warning(
                "event=poll_failed submission_id=%s failures=%d error=%s", submission_id, polling.failures, error
            )
        else:
            reason = polling.answered(info.status, clock.monotonic())
        if reason is not None:
            return RayJobEvent.of(submission_id, reason, info, message)


def wait_until_stopped(jobs: RayJobs, submission_id: str, clock: Clock) -> bool:
    """Wait at most ``STOP_SECONDS`` for a job that was stopped; return whether it is over.

    Raises:
        RayJobError: Ray did not answer.
    """
    give_up_at = clock.monotonic() + STOP_SECONDS
    while jobs.status(submission_id).status.is_active:
        if clock.monotonic() >= give_up_at:
            return False
        time.sleep(STOP_POLL_SECONDS)
    return True
