"""Whether a row may begin: not after the job's deadline, and not once the job is cancelled."""

from __future__ import annotations

from datetime import datetime

from llmbatch.cluster.replica.row_outcome import cancelled, expired
from llmbatch.core.clock import Clock
from llmbatch.core.rows import ResultRow, StagedRow


class RowGate:
    """Gives rows that may not begin their outcome.

    No row begins once the seconds of ``expire_in`` have passed. The time of day of this node is not used: it may differ
    from that of the driver and of other nodes.

    Args:
        clock: measures the seconds.
        expires_at: when rows expire, as their outcome says it; None: they do not.
        grace_seconds: how long rows that have begun may still take once the job is cancelled.
    """

    def __init__(self, clock: Clock, expires_at: datetime | None, grace_seconds: float) -> None:
        self._clock, self._expires_at, self._grace_seconds = clock, expires_at, grace_seconds
        self._closes_at: float | None = None
        self._cancelled_at: float | None = None

    def expire_in(self, seconds: float) -> None:
        """Let no row begin from so many seconds from now on; at once if they are not positive."""
        self._closes_at = self._clock.monotonic() + seconds

    def cancel(self, *, is_cancelled: bool) -> None:
        """Note whether the job is cancelled now; the grace time counts from the first time that it is."""
        if not is_cancelled:
            self._cancelled_at = None
        elif self._cancelled_at is None:
            self._cancelled_at = self._clock.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether the job is cancelled and the grace time of the rows that have begun has passed."""
        since = self._cancelled_at
        return since is not None and self._clock.monotonic() - since >= self._grace_seconds

    def refusal(self, row: StagedRow) -> ResultRow | None:
        """Return the outcome of a row that may not begin now; None if it may."""
        if self._cancelled_at is not None:
            return cancelled(row)
        if self._expires_at is None or self._closes_at is None or self._clock.monotonic() < self._closes_at:
            return None
        return expired(row, self._expires_at)
