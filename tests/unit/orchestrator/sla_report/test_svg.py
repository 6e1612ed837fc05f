"""Scales and labels of drawings."""

from __future__ import annotations

import pytest

from llmbatch.orchestrator.sla_report.svg import Frame, ceiling, label, ticks


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 7.3, [0, 2, 4, 6]), (0, 100, [0, 20, 40, 60, 80, 100]), (-0.4, 0.9, [-0.4, -0.2, 0, 0.2, 0.4, 0.6, 0.8])],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    found = ticks(low, high, 7 if low < 0 else 5)
    assert found == pytest.approx(expected)


def test_values_have_their_pixels() -> None:
    frame = Frame(x=(0, 10), y=(0, 100), width=574, height=258)
    assert frame.at(0, 0) == (58, 214)
    assert frame.at(10, 100) == (558, 14)
    assert frame.at(5, 500) == (308, 14)
    assert [label(value) for value in (0.05, 1200, 3_000_000)] == ["0.05", "1.2k", "3M"]
    assert ceiling([]) == 1.0
