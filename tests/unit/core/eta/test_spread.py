"""Intervals and probabilities from the errors of earlier predictions."""

from __future__ import annotations

import math
import random

import pytest

from llmbatch.core.eta.spread import LogQuantiles, Spread, conformal, least_width, miss_probability


@pytest.mark.parametrize(("progress", "factor"), [(0.0, 2.5), (0.25, 1.5), (0.5, 1.3), (0.8, 1.3), (1.0, 1.3)])
def test_default_interval(progress: float, factor: float) -> None:
    low, middle, high = Spread.default().at(progress).factors()
    assert (low, middle, high) == pytest.approx((1 / factor, 1, factor))


@pytest.mark.parametrize(("batches", "factor"), [(0.1, 2.0), (2.0, 2.0), (3.0, 2**0.5), (4.0, 1.0), (100.0, 1.0)])
def test_few_batches_keep_an_interval_wide(batches: float, factor: float) -> None:
    narrow = LogQuantiles(p10=-0.01, p50=0.0, p90=0.02).at_least(least_width(batches))
    assert narrow.factors() == pytest.approx((min(math.exp(-0.01), 1 / factor), 1, max(math.exp(0.02), factor)))
    wide = LogQuantiles(p10=-2.0, p50=0.5, p90=3.0)
    assert wide.at_least(least_width(batches)) == wide


def test_conformal_covers_at_its_stated_rate() -> None:
    dice, held, wide = random.Random(5), 0, LogQuantiles(p10=-1, p50=0, p90=1)
    for _ in range(400):
        found = conformal([dice.gauss(0.1, 0.3) for _ in range(30)], wide)
        held += found.p10 <= dice.gauss(0.1, 0.3) <= found.p90
    assert 0.74 < held / 400 < 0.86


@pytest.mark.parametrize(("shift", "middle"), [(0.0, 0.0), (0.05, 0.0), (-0.05, 0.0), (0.3, 0.3), (-0.3, -0.3)])
def test_the_middle_moves_only_if_the_prediction_is_plainly_off(shift: float, middle: float) -> None:
    """Ratios from -0.2 to 0.2 around the shift: their middle half is 0.1 to each side."""
    ratios = [shift + 0.02 * (n - 10) for n in range(21)]
    found = conformal(ratios, LogQuantiles(p10=-1, p50=0, p90=1))
    assert found.p50 == pytest.approx(middle)
    assert found.p10 == pytest.approx(shift - 0.176, abs=0.01)


def test_few_ratios_stay_wide() -> None:
    wide = LogQuantiles(p10=-1, p50=0, p90=1)
    assert conformal([], wide) == wide
    assert conformal([0.1], wide).p90 > 0.8


@pytest.mark.parametrize(("left", "chance"), [(200, 0.1), (100, 0.5), (50, 0.9), (0, 1.0), (-5, 1.0), (1e9, 0.0)])
def test_miss_probability(left: float, chance: float) -> None:
    assert miss_probability(left, 50, 100, 200) == pytest.approx(chance, abs=1e-6)
