"""Clocks that misbehave as a machine's clock may."""

from __future__ import annotations

from datetime import datetime, timedelta

from llmbatch.core.clock import ManualClock


class AdjustableClock(ManualClock):
    """A clock whose time of day can be set back, as by NTP; its monotonic seconds go on."""

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__(start)
        self.behind = timedelta()

    def now(self) -> datetime:
        """Return the time of day as it is set."""
        return super().now() - self.behind

    def set_back(self, seconds: float) -> None:
        """Set the time of day back by ``seconds``."""
        self.behind += timedelta(seconds=seconds)
