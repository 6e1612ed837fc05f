"""Time as a parameter, so that rules about time can be tested."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

LAST_DAY = datetime(9000, 1, 1, tzinfo=UTC)
"""The latest time that is computed with. Python's own is the year 9999, and a sum beyond it is an error."""


def later(moment: datetime, seconds: float) -> datetime:
    """Return the time so many seconds after ``moment``, at most ``LAST_DAY``: estimates may be of any size."""
    left = (LAST_DAY - moment).total_seconds()
    return moment + timedelta(seconds=seconds) if seconds < left else LAST_DAY


class Clock(Protocol):
    """Gives times (aware UTC) and durations (monotonic seconds)."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start that never go back."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()


class ManualClock:
    """A clock that moves only when it is advanced; for tests and simulations."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2030, 1, 1, tzinfo=UTC)
        self._monotonic = 0.0

    def now(self) -> datetime:
        """Return the time set so far."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds advanced so far."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both readings forward by ``seconds``."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
