"""Capped log-normal lengths against samples."""

from __future__ import annotations

import random

import pytest

from llmbatch.core.eta import capped_lognormal


@pytest.mark.parametrize("reached", [0.0, 50.0, 200.0, 450.0])
def test_residual_is_what_sampling_gives(reached: float) -> None:
    dice, cap = random.Random(1), 500.0
    drawn = [n for n in (dice.lognormvariate(5, 0.7) for _ in range(200_000)) if n > reached]
    expected = sum(min(cap, n) - reached for n in drawn) / len(drawn)
    assert capped_lognormal.residual(5, 0.7, cap, reached) == pytest.approx(expected, rel=0.03)
    square = sum(min(cap, n) ** 2 for n in drawn) / len(drawn)
    assert capped_lognormal.second_moment(5, 0.7, cap, reached) == pytest.approx(square, rel=0.03)
