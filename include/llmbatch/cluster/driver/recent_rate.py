"""How fast a job writes tokens now: its total, read with every heartbeat."""

from __future__ import annotations

from collections import deque

SECONDS = 30.0


class RecentRate:
    """Tokens a second over the last half minute, or since the first total if that is later.

    Totals of 0, 500 and 1000 at 0, 10 and 20 s are 50 tokens a second. Where totals come less often than every
    half minute, it is the rate since the total before.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, at: float, total: int) -> None:
        """Take the job's total at ``at``, in seconds of a monotonic clock."""
        if self._seen and total < self._seen[-1][1]:
            self._seen.clear()  # the counter was restarted
        self._seen.append((at, total))
        while len(self._seen) > 2 and self._seen[1][0] <= at - SECONDS:
            self._seen.popleft()

    def at(self, now: float) -> float | None:
        """Return the rate; None before two totals are known, and when the last one is too old."""
        if len(self._seen) < 2 or self._seen[-1][0] < now - SECONDS:
            return None
        (since, before), (until, total) = self._seen[0], self._seen[-1]
        return (total - before) / (until - since) if until > since else None
