"""Clocks that misbehave as a machine's clock may."""

from __future__ import annotations

from datetime import timedelta

from llmbatch.core.clock import ManualClock


class AdjustableClock(ManualClock):
    """A clock whose time of day can be set back, as by NTP; its monotonic seconds go on."""

    def set_back(self, seconds: float) -> None:
        self._now -= timedelta(seconds=seconds)
