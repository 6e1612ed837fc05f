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
        failures: failed polls in a row so far.
    """

    failures_tolerated: int
    timeout_at: float | None = None
    failures: int = 0

    @classmethod
    def until(cls, ends_at: float | None, failures_tolerated: int, clock: Clock) -> Self:
        """Return a wait that ends at ``ends_at``, in seconds since the epoch; None sets no limit.

        ``ends_at`` comes from another process or machine (Ray's start time, the worker that deferred), and monotonic
        seconds have no meaning outside of their process. So it is wall-clock time, read once here. From then on a
        correction of the machine's clock changes no timeout.
        """
        if ends_at is None:
            return cls(failures_tolerated)
        return cls(failures_tolerated, clock.monotonic() + ends_at - clock.now().timestamp())

    def answered(self, status: RayJobStatus, now: float) -> RayJobReason | None:
        """Record a successful poll at ``now`` monotonic seconds. A job that is over is never timed out."""
        self.failures = 0
        return RayJobReason.OVER if status.is_over else self._timeout(now)

    def failed(self, now: float) -> RayJobReason | None:
        """Record a failed poll at ``now`` monotonic seconds, whatever failed: Ray, the network or Airflow's own API."""
        self.failures += 1
        return RayJobReason.UNREACHABLE if self.failures > self.failures_tolerated else self._timeout(now)

    def _timeout(self, now: float) -> RayJobReason | None:
        return RayJobReason.TIMEOUT if self.timeout_at is not None and now >= self.timeout_at else None
