"""Lengths that are log-normal and cut off at a cap: the shape of answers under ``max_tokens``."""

from __future__ import annotations

import math

_ROOT2 = math.sqrt(2.0)
_TINY = 1e-12
_FAR = 8.0


def survival(log_mean: float, spread: float, length: float) -> float:
    """Probability that an uncapped length is more than ``length``."""
    if length <= 0:
        return 1.0
    return 0.5 * math.erfc((math.log(length) - log_mean) / (spread * _ROOT2))


def mean(log_mean: float, spread: float, cap: float) -> float:
    """Expected capped length. Without spread, e^5 capped at 100 is 100."""
    return residual(log_mean, spread, cap, 0.0)


def residual(log_mean: float, spread: float, cap: float, reached: float) -> float:
    """Expected capped length still to come once a length has reached ``reached``; 0 at the cap."""
    if reached >= cap:
        return 0.0
    alive = survival(log_mean, spread, reached)
    if alive < _TINY:
        return min(cap - reached, spread * reached / _FAR)
    above = survival(log_mean + spread * spread, spread, reached) - survival(log_mean + spread * spread, spread, cap)
    expected = math.exp(log_mean + spread * spread / 2) * above + cap * survival(log_mean, spread, cap)
    return min(cap - reached, max(0.0, expected / alive - reached))


def second_moment(log_mean: float, spread: float, cap: float, reached: float) -> float:
    """Expected square of a capped length that is known to be more than ``reached``."""
    alive = survival(log_mean, spread, reached)
    if reached >= cap or alive < _TINY:
        return min(cap, reached) ** 2
    shifted = log_mean + 2 * spread * spread
    above = survival(shifted, spread, reached) - survival(shifted, spread, cap)
    expected = math.exp(2 * log_mean + 2 * spread * spread) * above + cap * cap * survival(log_mean, spread, cap)
    return max(reached * reached, expected / alive)
