"""What several jobs of an engine tell of it."""

from __future__ import annotations

import pytest

from llmbatch.core.eta.engine_fit import JobEffort, engine_fit


def efforts(price: float, speed: float, ratios: tuple[float, ...]) -> list[JobEffort]:
    """Jobs of 1000 tokens on an engine of 32 slots that does ``speed`` units in a slot-second."""
    return [
        JobEffort(tokens=1000, chars=1000 * x, slot_seconds=1000 * (1 + price * x) / speed, slots=32) for x in ratios
    ]


def test_jobs_together_tell_what_reading_costs() -> None:
    """0.05 tokens a character and 32 x 2 units a second, even if one job of six was slowed down to a third."""
    jobs = efforts(0.05, 2.0, (2, 5, 9, 14, 20))
    slow = jobs[2].model_copy(update={"slot_seconds": 3 * jobs[2].slot_seconds})
    assert engine_fit([*jobs, slow]) == pytest.approx((0.05, 64), rel=0.1)


@pytest.mark.parametrize("ratios", [(2, 5, 9), (7, 7, 7, 7, 7), ()])
def test_few_or_equal_jobs_tell_nothing_of_reading(ratios: tuple[float, ...]) -> None:
    assert engine_fit(efforts(0.05, 2.0, ratios)) is None
