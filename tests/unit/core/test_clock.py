"""The machine's clock, and the clock that tests move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from llmbatch.core.clock import LAST_DAY, ManualClock, SystemClock, later

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_manual_clock_moves_only_when_it_is_advanced() -> None:
    clock = ManualClock(START)
    assert (clock.now(), clock.monotonic()) == (START, 0.0)
    clock.advance(90)
    clock.advance(0.5)
    assert (clock.now(), clock.monotonic()) == (START + timedelta(seconds=90.5), 90.5)
    assert (clock.now(), clock.monotonic()) == (START + timedelta(seconds=90.5), 90.5)


def test_the_machine_s_time_is_aware_and_in_utc() -> None:
    before, found, after = datetime.now(UTC), SystemClock().now(), datetime.now(UTC)
    assert before <= found <= after
    assert found.utcoffset() == timedelta(0)


def test_the_machine_s_monotonic_seconds_never_go_back() -> None:
    readings = [SystemClock().monotonic() for _ in range(100)]
    assert readings == sorted(readings)


@pytest.mark.parametrize("seconds", [1e12, 1e300, float("inf")])
def test_a_sum_beyond_all_dates_is_the_last_day(seconds: float) -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    assert later(now, 90.5) == now + timedelta(seconds=90.5)
    assert later(now, -10) == now - timedelta(seconds=10)
    assert later(now, seconds) == LAST_DAY
    assert later(datetime.max.replace(tzinfo=UTC), 1) == LAST_DAY
