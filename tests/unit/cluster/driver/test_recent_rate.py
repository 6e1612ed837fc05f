"""How fast a job writes tokens now."""

from __future__ import annotations

import pytest

from llmbatch.cluster.driver.recent_rate import RecentRate


def rate(*looks: tuple[float, int], now: float | None = None) -> float | None:
    found = RecentRate()
    for at, total in looks:
        found.note(at, total)
    return found.at(looks[-1][0] if now is None else now)


def test_it_takes_two_looks() -> None:
    assert RecentRate().at(0) is None
    assert rate((5, 100)) is None
    assert rate((5, 100), (5, 200)) is None
    assert rate((0, 0), (10, 500), (20, 1000)) == 50


def test_a_slow_down_shows_within_half_a_minute() -> None:
    fast = [(2.0 * n, 200 * n) for n in range(50)]
    slow = [(98.0 + 2 * n, 9800 + 20 * n) for n in range(1, 16)]
    assert rate(*fast) == 100
    assert rate(*fast, *slow) == 10
    assert rate(*fast, *[(98.0 + 2 * n, 9800) for n in range(1, 16)]) == 0


@pytest.mark.parametrize(("now", "known"), [(30.0, True), (50.0, True), (50.1, False)])
def test_old_looks_say_nothing_about_now(now: float, known: bool) -> None:
    assert (rate((0, 0), (20, 400), now=now) == 20) is known


def test_rare_looks_give_the_rate_between_the_last_two() -> None:
    assert rate((0, 0), (100, 100), (200, 1100)) == 10


def test_a_count_that_begins_anew_is_no_negative_rate() -> None:
    assert rate((0, 1000), (2, 1200), (4, 30)) is None
    assert rate((0, 1000), (2, 1200), (4, 30), (6, 230)) == 100
