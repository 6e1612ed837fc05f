"""How long answers will be: an online regression on input length and limit in which unfinished rows count too."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from llmbatch.core.eta import capped_lognormal
from llmbatch.core.eta.length_law import LengthLaw, long_rows
from llmbatch.core.eta.priors import LengthPrior
from llmbatch.core.eta.reach import UNKNOWN, Reach, Reached
from llmbatch.core.length_cells import CellKey, LengthCell

_ROUNDS = 2
_CELL_SPREAD = 0.12
"""How much one cell may differ from the line, in logarithms; it makes a hundred rows of a cell worth a few dozen."""
_SPREAD_ROWS = 20.0
_LEAST_ROWS = 1e-3
_NARROWEST, _WIDEST = 0.05, 1.5
_LONG_ROWS = 50.0
"""How many rows the belief about the share of long ones is worth."""
_REFERENCE_CHARS = 1000.0
_PULL, _PULL_ERROR = 1.0, 0.5
"""What a limit does to answers, before any is seen: in proportion. 0 would be nothing at all."""


@dataclass(frozen=True)
class _Sample:
    """A cell as seen by the fit: rows that count, sums of their lengths and squared lengths, and rows of the long kind.

    The latter are in none of the others.
    """

    cell: LengthCell
    size: float
    limit: float
    rows: float
    first: float
    second: float
    long: float

    @property
    def log_mean(self) -> float:
        """Logarithm of the mean length."""
        return math.log(self.first / self.rows)


class OutputLengths:
    """Log of mean output tokens = level + slope x log input length + pull x log limit + what is particular.

    The limit is the row's ``max_tokens`` against the job's longest: where all rows have the same, it has no part in
    this. Template and cell are what may be particular.

    Lengths around the mean are log-normal with one spread, but for a share of long rows (``LengthLaw``) that are in
    none of these terms: what a log-normal of the widest spread leaves unexplained, and rows in flight that are further
    than it allows. Short answers end first, so the answered rows of a young job are too short. A row in flight is an
    observation "longer than what it has by now"; the fit imputes its expected length (expectation maximisation, a few
    rounds per heartbeat, starting from the last fit).
    """

    def __init__(self, prior: LengthPrior) -> None:
        self._prior = prior
        self.level, self.slope, self.spread = math.log(prior.level), prior.slope, prior.spread
        self.long = prior.long
        self._pull = _PULL
        self._longest: int | None = None
        self._template: dict[str, float] = {}
        self._cell: dict[CellKey, float] = {}

    def fit(self, cells: Sequence[LengthCell], reach: Reach) -> None:
        """Fit to the cells of a job and to how far their rows in flight are."""
        self._longest = max((cell.limit for cell in cells), default=None)
        for _ in range(_ROUNDS):
            samples = [self._sample(cell, reach.get(cell.key, UNKNOWN)) for cell in cells]
            long, rows = sum(s.long for s in samples), sum(s.rows + s.long for s in samples)
            self.long = (long + self._prior.long * _LONG_ROWS) / (rows + _LONG_ROWS)
            known = [s for s in samples if min(s.rows, s.first) > _LEAST_ROWS]
            if known:
                self._regress(known)

    def expected(self, cell: LengthCell) -> float:
        """Tokens of one answer of a row that has not begun."""
        return (1 - self.long) * min(float(cell.limit), math.exp(self._mean(cell))) + self.long * cell.limit / 2

    def residual(self, cell: LengthCell, reached: Reached) -> float:
        """Tokens still to come of an average row in flight of those that have ``reached`` so many."""
        law = self.law(cell)
        return sum(share * law.residual(each) for each, share in reached.points)

    def law(self, cell: LengthCell) -> LengthLaw:
        """Return how a cell's answers are distributed."""
        return LengthLaw(self._mean(cell) - self.spread**2 / 2, self.spread, float(cell.limit), self.long)

    def _mean(self, cell: LengthCell) -> float:
        """Logarithm of the mean of a cell's answers that are not of the long kind."""
        line = self.level + self.slope * _size(cell) + self._pull * self._limit(cell)
        return line + self._template.get(cell.template, 0.0) + self._cell.get(cell.key, 0.0)

    def _limit(self, cell: LengthCell) -> float:
        """Logarithm of the cell's limit against the job's longest; 0 where there is none and before the first fit."""
        return math.log(cell.limit / self._longest) if self._longest and cell.limit else 0.0

    def _sample(self, cell: LengthCell, reached: Reached) -> _Sample:
        rows, first, second = float(cell.answered), float(cell.tokens), float(cell.tokens_squared)
        long = long_rows(rows, first, second, cell.limit, math.exp(_WIDEST**2))
        rows, first, second = rows - long, first - long * cell.limit / 2, max(0.0, second - long * cell.limit**2 / 3)
        if cell.running and reached.old > 1:
            law = self.law(cell)
            for each, share in reached.points:
                others = share * cell.running * law.long_share(each)
                plain = share * cell.running - others
                long, rows = long + others, rows + plain
                first += plain * (each + capped_lognormal.residual(law.log_mean, law.spread, law.limit, each))
                second += plain * capped_lognormal.second_moment(law.log_mean, law.spread, law.limit, each)
        return _Sample(cell, _size(cell), self._limit(cell), rows, first, second, long)

    def _regress(self, samples: Sequence[_Sample]) -> None:
        """Fit level, slope and pull with a ridge towards the prior, then templates, then cells, each shrunk."""
        prior, variance = self._prior, self.spread**2
        weights = [1 / (variance / s.rows + _CELL_SPREAD**2) for s in samples]
        held = prior.rows / variance / 4
        total = held + sum(weights)
        # The prior's level holds at the lengths that this job has: it is about answers, not about extrapolation.
        size, limit, mean = (
            sum(w * x for w, x in zip(weights, values, strict=True)) / sum(weights)
            for values in zip(*((s.size, s.limit, s.log_mean) for s in samples), strict=True)
        )
        believed = math.log(prior.level) + prior.slope * size + _PULL * limit
        level = (held * believed + sum(weights) * mean) / total
        self.slope, self._pull = _slopes(
            [(w, s.size - size, s.limit - limit, s.log_mean - level) for w, s in zip(weights, samples, strict=True)],
            ((prior.slope, prior.slope_error), (_PULL, _PULL_ERROR)),
        )
        self.level = level - self.slope * size - self._pull * limit
        rest = [s.log_mean - self.level - self.slope * s.size - self._pull * s.limit for s in samples]
        self._template = self._offsets([s.cell.template for s in samples], weights, rest)
        rest = [y - self._template[s.cell.template] for s, y in zip(samples, rest, strict=True)]
        shrunk = variance / _CELL_SPREAD**2
        self._cell = {s.cell.key: y * s.rows / (s.rows + shrunk) for s, y in zip(samples, rest, strict=True)}
        rows = sum(s.rows for s in samples)
        spread_of = sum(s.rows * math.log(max(1.0, s.second * s.rows / s.first**2)) for s in samples)
        # The mean of logarithms is below the logarithm of the mean: what is expected must add up to what was seen.
        predicted = sum(s.rows * math.exp(self._mean(s.cell)) for s in samples)
        self.level += math.log(sum(s.first for s in samples) / predicted) * rows / (rows + prior.rows)
        found = math.sqrt((spread_of + _SPREAD_ROWS * prior.spread**2) / (rows + _SPREAD_ROWS))
        self.spread = min(_WIDEST, max(_NARROWEST, found))

    @staticmethod
    def _offsets(templates: Sequence[str], weights: Sequence[float], rest: Sequence[float]) -> dict[str, float]:
        """Mean rest of each template, shrunk to none; a job with one template has no offset."""
        if len(set(templates)) == 1:
            return {templates[0]: 0.0}
        sums: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 1.0])
        for name, weight, value in zip(templates, weights, rest, strict=True):
            sums[name][0] += weight * value
            sums[name][1] += weight
        return {name: value / weight for name, (value, weight) in sums.items()}


def _size(cell: LengthCell) -> float:
    return math.log(cell.mean_chars / _REFERENCE_CHARS)


def _slopes(
    points: Sequence[tuple[float, float, float, float]], priors: tuple[tuple[float, float], tuple[float, float]]
) -> tuple[float, float]:
    """Fit ``z = a x + b y`` to weighted points ``(w, x, y, z)``; a ridge holds each of a, b to its (value, error)."""
    (first, first_error), (second, second_error) = priors
    xx = 1 / first_error**2 + sum(w * x * x for w, x, _, _ in points)
    yy = 1 / second_error**2 + sum(w * y * y for w, _, y, _ in points)
    xy = sum(w * x * y for w, x, y, _ in points)
    xz = first / first_error**2 + sum(w * x * z for w, x, _, z in points)
    yz = second / second_error**2 + sum(w * y * z for w, _, y, z in points)
    whole = xx * yy - xy * xy
    return (xz * yy - yz * xy) / whole, (yz * xx - xz * xy) / whole
