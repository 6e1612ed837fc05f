"""When to stop waiting for a Ray job: the rules that the operator (blocking) and the trigger (async) share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from llmbatch.core.clock import Clock
from llmbatch.orchestrator.ray_jobs.event import RayJobReason
from llmbatch.orchestrator.ray_jobs.status import RayJobStatus


@dataclass
class Polling:
    """The state of one wait. Each poll is reported with ``answered`` or ``failed``, which return what to do next.

    Both return the reason to stop waiting, or None: wait and poll again. They do no input or output, and they read no
    clock: the caller passes monotonic seconds.

    Args:
        failures_tolerated: failed polls in a row before the wait ends as ``UNREACHABLE``.
        timeout_at: monotonic seconds of this process at which the wait ends as ``TIMEOUT``; None sets no limit.
        start_by: the same for a wait that ends as ``PENDING``, because Ray has not started the job.
        failures: failed polls in a row so far.
    """

    failures_tolerated: int
    timeout_at: float | None = None
    start_by: float | None = None
    failures: int = 0

    @classmethod
    def until(
        cls, ends_at: float | None, failures_tolerated: int, clock: Clock, pending_until: float | None = None
    ) -> Self:
        """Return a wait that ends at ``ends_at``, or at ``pending_until`` if the job has not started by then.

        Both are seconds since the epoch; None sets no limit. They come from another process or machine (Ray's time of
        the submission, the worker that deferred), and monotonic seconds have no meaning outside of their process. So
        they are wall-clock time, read once here. From then on a correction of the machine's clock changes no limit.
        """
        offset = clock.monotonic() - clock.now().timestamp()
        return cls(
            failures_tolerated,
            timeout_at=None if ends_at is None else ends_at + offset,
            start_by=None if pending_until is None else pending_until + offset,
        )

    def answered(self, status: RayJobStatus, now: float) -> RayJobReason | None:
        """Record a successful poll at ``now`` monotonic seconds. A job that is over is never timed out."""
        self.failures = 0
        if status.is_over:
            return RayJobReason.OVER
        if status is RayJobStatus.PENDING and self.start_by is not None and now >= self.start_by:
            return RayJobReason.PENDING
        return self._timeout(now)

    def failed(self, now: float) -> RayJobReason | None:
        """Record a failed poll at ``now`` monotonic seconds, whatever failed: Ray, the network or Airflow's own API."""
        self.failures += 1
        return RayJobReason.UNREACHABLE if self.failures > self.failures_tolerated else self._timeout(now)

    def _timeout(self, now: float) -> RayJobReason | None:
        return RayJobReason.TIMEOUT if self.timeout_at is not None and now >= self.timeout_at else None
