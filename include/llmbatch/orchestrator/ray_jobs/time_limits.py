"""How long a submission may wait for its start, and how long it may take, by Ray's own time of the submission.

So the limits cross processes: a worker or triggerer that is restarted does not start over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from llmbatch.core.clock import Clock
from llmbatch.core.errors import RayJobError
from llmbatch.orchestrator.ray_jobs.event import RayJobEvent, RayJobReason
from llmbatch.orchestrator.ray_jobs.status import RayJobInfo

if TYPE_CHECKING:
    from llmbatch.orchestrator.ray_jobs.client import RayJobs


@dataclass(frozen=True)
class TimeLimits:
    """The limits of one operator; None sets no limit."""

    pending_minutes: float | None = None
    job_timeout: timedelta | None = None

    @classmethod
    def given(cls, pending_minutes: float | str | None, job_timeout: timedelta | None) -> Self:
        """Return the limits of an operator's arguments; a template may have rendered the minutes as text."""
        return cls(None if pending_minutes is None else float(pending_minutes), job_timeout)

    def pending_until(self, info: RayJobInfo, clock: Clock) -> float | None:
        """Return by when Ray must have started the job, in seconds since the epoch."""
        return None if self.pending_minutes is None else _after(info, clock, timedelta(minutes=self.pending_minutes))

    def ends_at(self, info: RayJobInfo, clock: Clock) -> float | None:
        """Return by when the job must have ended, in seconds since the epoch."""
        return None if self.job_timeout is None else _after(info, clock, self.job_timeout)

    def error(self, seen: RayJobEvent, resources: Mapping[str, Any], jobs: RayJobs) -> RayJobError:
        """Return the error of a job whose time is up; it allows a retry.

        Args:
            seen: the event with the reason.
            resources: what the entrypoint needs.
            jobs: for the resources of the cluster; a failure to read them is a part of the text.
        """
        what = f"submission_id={seen.submission_id}: stopped"
        if seen.reason is not RayJobReason.PENDING:
            return RayJobError(f"{what} after the job timeout of {self.job_timeout}")
        needs = ", ".join(f"{name}={value}" for name, value in resources.items()) or "no resources of its own"
        try:
            _, _, cluster = jobs.cluster_status().partition("\nResources\n")
        except RayJobError as error:
            cluster = f"(the resources of the cluster cannot be read: {error})"
        return RayJobError(
            f"{what}, because Ray has not started it within {self.pending_minutes:g} min of its submission (status "
            f"PENDING). The entrypoint needs {needs}, and a head node that sets up its runtime environment. "
            f"Check the Ray cluster, or raise the limit.\n{cluster.strip()}".rstrip()
        )


def _after(info: RayJobInfo, clock: Clock, time: timedelta) -> float:
    return ((info.started_at or clock.now()) + time).timestamp()
