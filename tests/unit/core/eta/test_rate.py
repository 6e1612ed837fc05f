"""Work per slot-second, its changes, and the price of reading."""

from __future__ import annotations

import random

import pytest

from llmbatch.core.eta.priors import Priors
from llmbatch.core.eta.rate import Effort, ReadingPrice, WorkRate


def test_rate_is_work_over_the_seconds_of_the_rows_that_did_it() -> None:
    rate = WorkRate(Priors(price=0.01))
    assert not rate.known
    rate.work(5, Effort(tokens=300, chars=10_000, seconds=100))
    assert rate.tokens == pytest.approx(3)
    assert rate.units == pytest.approx(3 + rate.price.value * 100)


def test_a_change_of_pace_is_noticed_and_noise_is_not() -> None:
    dice, rate = random.Random(2), WorkRate(Priors())
    for _ in range(400):
        rate.work(5, Effort(tokens=100 * dice.uniform(0.9, 1.1), seconds=50))
    assert rate.resets == 0
    for _ in range(24):
        rate.work(5, Effort(tokens=50, seconds=50))
    assert rate.resets >= 1
    assert rate.tokens == pytest.approx(1.0, rel=0.05)


def test_price_is_learned_from_a_constant_wait() -> None:
    """Rows of 10 and of 100 tokens wait 50 token times for the same 1000 characters: 0.05 a character."""
    price = ReadingPrice(Priors(price=0.02))
    for n in range(10, 110, 10):
        price.learn(Effort(tokens=n, chars=1000, seconds=(n + 50) * 0.3))
    assert price.value == pytest.approx(0.05, rel=0.3)
