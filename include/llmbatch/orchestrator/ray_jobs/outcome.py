"""The errors of a Ray job that ended without success, or that no longer answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from llmbatch.core.errors import RayJobError
from llmbatch.core.shown import shown_lines
from llmbatch.orchestrator.ray_jobs.event import RayJobEvent
from llmbatch.orchestrator.ray_jobs.log import last_lines
from llmbatch.orchestrator.ray_jobs.status import RayJobInfo

if TYPE_CHECKING:
    from llmbatch.orchestrator.ray_jobs.client import RayJobs


def failure_text(info: RayJobInfo, reason: str, end_of_log: str) -> str:
    """Return submission, status and exit code, then the reason, then the end of the log; empty parts are left out.

    ``submission_id=job-g1 status=FAILED exit_code=22`` is the first line.
    """
    what = f"submission_id={info.submission_id} status={info.status.value} exit_code={info.driver_exit_code}"
    return shown_lines("\n".join(part for part in (what, reason, end_of_log) if part))


def log_end(info: RayJobInfo, connect: Callable[[], RayJobs]) -> str:
    """Return the last lines of the job's log, or why there are none. Never raises ``RayJobError``."""
    if not info.status.is_known:
        return "Ray has forgotten the job: its head node was replaced, or the job was deleted there."
    try:
        with connect() as jobs:
            return f"The log ends with:\n{last_lines(jobs.logs(info.submission_id))}"
    except RayJobError as error:
        return f"(its log cannot be read: {error})"


def lost_contact(event: RayJobEvent, tolerated: int) -> RayJobError:
    """Return the error of a wait that ended without an answer of Ray. It allows a retry."""
    return RayJobError(
        f"submission_id={event.submission_id}: lost contact after {tolerated} failed polls; "
        f"the job may still run and the next attempt attaches to it. {event.message}"
    )
