"""How wrong predictions were, by progress: turns one number into an interval and a probability."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from pydantic import BaseModel, ConfigDict

KNOTS = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97)
"""Parts of the work done at which errors are collected; between them quantiles are interpolated."""

FULL_TRUST_JOBS = 20
"""From so many jobs on, a model's own quantiles stand alone; with fewer they are mixed with those of all jobs."""

_Z = NormalDist().inv_cdf(0.9)
_DEFAULT_FACTORS = (2.5, 2.3, 2.1, 1.5, 1.3, 1.3, 1.3, 1.3)
_NARROWEST = 0.01
_SMALL, _LARGE = 2.0, 4.0
_SMALL_FACTOR = 2.0


def least_width(batches: float) -> float:
    """Return by how much an interval must reach either side of P50, in logarithms, however good history is.

    The end of a small job is that of its longest rows, and of these nothing is known: ending within x2 either way is
    usual up to two batches. From four batches on it is 0.

    Args:
        batches: how often the job has the rows that are decoded together.
    """
    return math.log(_SMALL_FACTOR) * min(1.0, max(0.0, (_LARGE - batches) / (_LARGE - _SMALL)))


class LogQuantiles(BaseModel):
    """Quantiles of ln(actual / predicted remaining seconds) at one knot."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    p10: float
    p50: float
    p90: float

    def factors(self) -> tuple[float, float, float]:
        """What a prediction is multiplied with for P10, P50 and P90."""
        return math.exp(self.p10), math.exp(self.p50), math.exp(self.p90)

    def at_least(self, width: float) -> LogQuantiles:
        """Return these quantiles, with the outer ones at least so far from the middle."""
        return LogQuantiles(p10=min(self.p10, self.p50 - width), p50=self.p50, p90=max(self.p90, self.p50 + width))

    def mixed(self, other: LogQuantiles, share: float) -> LogQuantiles:
        """Return these quantiles with ``share`` of the other's."""
        keep = 1 - share
        return LogQuantiles(
            p10=keep * self.p10 + share * other.p10,
            p50=keep * self.p50 + share * other.p50,
            p90=keep * self.p90 + share * other.p90,
        )


class Spread(BaseModel):
    """Log quantiles at every knot."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    knots: tuple[LogQuantiles, ...]

    @classmethod
    def default(cls) -> Spread:
        """The wide interval of a system without history: x2.5 at the start, x1.5 at 25 %, x1.3 from 50 % on."""
        return cls(
            knots=tuple(LogQuantiles(p10=-math.log(f), p50=0.0, p90=math.log(f)) for f in _DEFAULT_FACTORS),
        )

    def at(self, progress: float) -> LogQuantiles:
        """Return the quantiles at a part of the work, ordered and never of width zero."""
        place = min(max(progress, KNOTS[0]), KNOTS[-1])
        after = next((n for n, knot in enumerate(KNOTS) if knot >= place), len(KNOTS) - 1)
        before = max(0, after - 1)
        width = KNOTS[after] - KNOTS[before]
        share = (place - KNOTS[before]) / width if width else 0.0
        return self.knots[before].mixed(self.knots[after], share).at_least(_NARROWEST)


def conformal(ratios: Sequence[float], fallback: LogQuantiles) -> LogQuantiles:
    """Split-conformal quantiles of log ratios: rank (n + 1) x level, so that new jobs are covered at the stated rate.

    The middle stays at the prediction unless that is outside the middle half of what happened: otherwise an ordinary
    job's P50 would be moved by the mishaps of others, which the outer quantiles reflect.

    With fewer than nine ratios an outer rank does not exist; it is mixed from the extreme one and the fallback.
    """
    if not ratios:
        return fallback
    ordered = sorted(ratios)
    share = min(1.0, len(ordered) / 9)
    return fallback.mixed(LogQuantiles(p10=_rank(ordered, 0.1), p50=_middle(ordered), p90=_rank(ordered, 0.9)), share)


def _middle(ordered: Sequence[float]) -> float:
    return 0.0 if _rank(ordered, 0.25) <= 0 <= _rank(ordered, 0.75) else _rank(ordered, 0.5)


def miss_probability(seconds_left: float, p10: float, p50: float, p90: float) -> float:
    """Probability that the job takes longer than ``seconds_left``; log-normal with a deviation of its own each side.

    With P50 = 100 s and P90 = 200 s, 200 s left mean 0.1 and 100 s left mean 0.5.
    """
    if seconds_left <= 0:
        return 1.0
    if p50 <= 0:
        return 0.0
    distance = math.log(seconds_left / p50)
    edge = math.log(p90 / p50) if distance > 0 else math.log(p50 / p10)
    return 1 - NormalDist().cdf(distance * _Z / max(edge, 1e-6))


def _rank(ordered: Sequence[float], level: float) -> float:
    """Value at rank (n + 1) x level, between neighbours linearly; outwards, the extreme."""
    rank = (len(ordered) + 1) * level - 1
    low = min(max(math.floor(rank), 0), len(ordered) - 1)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + min(max(rank - low, 0.0), 1.0) * (ordered[high] - ordered[low])
