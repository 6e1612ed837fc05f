"""When a run must stop before its last shard, and why."""

from __future__ import annotations

import os
from dataclasses import dataclass

from llmbatch.cluster.driver.heartbeat import Heartbeat
from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.driver.orders import JobOrders
from llmbatch.core.clock import Clock
from llmbatch.core.errors import ErrorRateExceeded
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.states import DesiredState, ExitReason

STOP_WAIT_ENV = "RAY_JOB_STOP_WAIT_TIME_S"
"""Seconds from Ray's SIGTERM to its SIGKILL."""

_DEFAULT_STOP_WAIT = 3.0
_FEWEST_ROWS = 100
_SMALLEST_SHARE = 0.05
_FAILED_STARTS = 3
_CRASHES = 8
"""Engines that crash in a row without a commit. One poison row in a shard costs four, each further one another."""


@dataclass(frozen=True)
class Stop:
    """A reason to stop now."""

    reason: ExitReason
    message: str


class Stopping:
    """Decides, a few times a second, whether the run must stop."""

    def __init__(
        self, *, spec: JobSpec, state: JobState, orders: JobOrders, heartbeat: Heartbeat, clock: Clock
    ) -> None:
        self._spec, self._state, self._orders = spec, state, orders
        self._heartbeat, self._clock = heartbeat, clock
        self._drain_until: float | None = None
        self._interrupted = False

    def terminate(self) -> None:
        """Drain because of a signal: Ray kills soon after, so what cannot end in time is left uncommitted."""
        wait = float(os.environ.get(STOP_WAIT_ENV) or _DEFAULT_STOP_WAIT)
        self._interrupted = True
        self._orders.demand(DesiredState.DRAIN, "SIGTERM")
        self._drain_until = self._clock.monotonic() + max(0.5, wait - 1.5)

    def reason(self) -> Stop | None:
        """Return why to stop now, or None to continue."""
        snapshot = self._state.snapshot
        if self._orders.cancels and not self._interrupted:
            return self._lost()  # no engine that fails, and no row that failed, keeps a cancelled job from its delivery
        if snapshot.fatal is not None:
            return Stop(snapshot.fatal.exit_reason, snapshot.fatal.message)
        if (lost := self._lost()) is not None:
            return lost
        replicas = max(self._spec.engine.max_replicas, self._state.replicas_wanted)
        if snapshot.starts_without_ready > replicas + _FAILED_STARTS:
            return Stop(ExitReason.ENGINE_START, f"{snapshot.starts_without_ready} engines started, none became ready")
        if snapshot.starts_without_commit > replicas + _CRASHES:
            return Stop(
                ExitReason.CRASHED,
                "engines crash repeatedly before a shard is committed; see the logs of Ray's workers",
            )
        return self._error_rate() or self._ordered()

    def _lost(self) -> Stop | None:
        if self._heartbeat.superseded is not None:
            return Stop(ExitReason.SUPERSEDED, str(self._heartbeat.superseded))
        if self._heartbeat.store_lost:
            return Stop(ExitReason.STORE_UNREACHABLE, "progress could not be written for five minutes")
        return None

    def _error_rate(self) -> Stop | None:
        """Judge once enough rows were seen: 100 and 5 % of the job, or all of them.

        Rows that could not even be read count: 30 unreadable of 1000 rows and a limit of 2 % stop the job early.
        """
        rows = self._state.rows()
        limit = self._spec.request.max_error_rate
        enough = min(rows.total, max(_FEWEST_ROWS, int(rows.total * _SMALLEST_SHARE)))
        if rows.ended < enough or rows.failed <= limit * rows.ended:
            return None
        example = self._state.snapshot.failed_example or "see the failed rows"
        return Stop(ExitReason.ERROR_RATE, str(ErrorRateExceeded(rows.failed, rows.ended, limit, example)))

    def _ordered(self) -> Stop | None:
        order = self._orders.now.job
        desired, because = order.desired, order.because
        if desired is DesiredState.CANCEL and not self._orders.cancels:
            return Stop(ExitReason.CANCELLED, f"cancelled{because}")
        if desired is DesiredState.RUN:
            self._drain_until = None
            return None
        reason = ExitReason.INTERRUPTED if self._interrupted else ExitReason.DRAINED
        now = self._clock.monotonic()
        if self._drain_until is None:
            self._drain_until = now + self._spec.engine.drain_grace_seconds
        snapshot = self._state.snapshot
        if snapshot.is_quiet:
            return Stop(reason, f"{reason.name.lower()}{because}")
        if now >= self._drain_until:
            left = f"{snapshot.open_shards} shards were left unfinished"
            return Stop(reason, f"{reason.name.lower()}{because}; {left}")
        return None
