"""A few rows that may have any length, among others that are alike."""

from __future__ import annotations

import math
import random

import pytest

from llmbatch.core.eta.length_law import LengthLaw, long_rows


def drawn(law: LengthLaw, count: int = 40_000) -> list[float]:
    dice = random.Random(5)
    return [
        dice.uniform(0, law.limit)
        if dice.random() < law.long
        else min(law.limit, dice.lognormvariate(law.log_mean, law.spread))
        for _ in range(count)
    ]


@pytest.mark.parametrize("reached", [0.0, 3.0, 40.0])
@pytest.mark.parametrize("long", [0.0, 0.03, 0.4])
def test_the_law_is_that_of_drawn_lengths(reached: float, long: float) -> None:
    law = LengthLaw(math.log(10), 0.8, 100.0, long)
    lengths = drawn(law)
    alive = [each for each in lengths if each > reached]
    assert law.survival(reached) == pytest.approx(len(alive) / len(lengths), abs=0.01)
    assert law.residual(reached) == pytest.approx(sum(alive) / len(alive) - reached, rel=0.05)
    assert law.long_share(reached) >= long


def test_nothing_is_left_at_the_limit_nor_without_one() -> None:
    for law in (LengthLaw(2.0, 0.5, 50.0, 0.1), LengthLaw(2.0, 0.5, 0.0, 0.1)):
        assert (law.survival(law.limit), law.residual(law.limit)) == (0, 0)


def test_long_rows_are_what_a_log_normal_leaves_unexplained() -> None:
    labels, long = [2.0] * 970, [10.0 * n for n in range(1, 11)] * 3
    rows = [*labels, *long]
    found = long_rows(len(rows), sum(rows), sum(each**2 for each in rows), 100.0, math.e)
    assert found == pytest.approx(len(long), rel=0.3)
    assert long_rows(1000, 100_000, 100_000 * 150, 500.0, math.e) == 0  # half as much again as without any spread
