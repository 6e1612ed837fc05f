"""How long answers will be: an online regression on input length in which unfinished rows count too."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from llmbatch.core.eta import capped_lognormal
from llmbatch.core.eta.priors import LengthPrior
from llmbatch.core.eta.reach import UNKNOWN, Reach
from llmbatch.core.length_cells import LengthCell

_ROUNDS = 2
_CELL_SPREAD = 0.12
"""How much one cell may differ from the line, in logarithms; it makes a hundred rows of a cell worth a few dozen."""
_SPREAD_ROWS = 20.0
_NARROWEST, _WIDEST = 0.05, 1.5
_REFERENCE_CHARS = 1000.0


@dataclass(frozen=True)
class _Sample:
    """A cell as seen by the fit: rows that tell something, and sums of their lengths and squared lengths."""

    cell: LengthCell
    size: float
    rows: float
    first: float
    second: float

    @property
    def log_mean(self) -> float:
        """Logarithm of the mean length."""
        return math.log(self.first / self.rows)


class OutputLengths:
    """Log of mean output tokens = level + slope x log input length + what is particular to template and cell.

    Lengths around the mean are log-normal with one spread. Short answers end first, so the answered rows of a young job
    are too short. A row in flight is an observation "longer than what it has by now"; the fit imputes its expected
    length (expectation maximisation, a few rounds per heartbeat, starting from the last fit).
    """

    def __init__(self, prior: LengthPrior, max_tokens: int) -> None:
        self._prior, self._cap = prior, float(max_tokens)
        self.level, self.slope, self.spread = math.log(prior.level), prior.slope, prior.spread
        self._template: dict[str, float] = {}
        self._cell: dict[tuple[str, int], float] = {}

    def fit(self, cells: Sequence[LengthCell], reach: Reach) -> None:
        """Fit to the cells and how far their rows in flight are."""
        for _ in range(_ROUNDS):
            samples = [s for cell in cells if (s := self._sample(cell, reach.get(cell.key, UNKNOWN))) is not None]
            if not samples:
                return
            self._regress(samples)

    def expected(self, cell: LengthCell) -> float:
        """Tokens of one answer of a row that has not begun."""
        return min(self._cap, math.exp(self._mean(cell)))

    def residual(self, cell: LengthCell, reached: tuple[float, float]) -> float:
        """Tokens still to come of a row in flight, halves of which have ``reached`` so many."""
        centre = self.log_mean(cell)
        return sum(capped_lognormal.residual(centre, self.spread, self._cap, each) for each in reached) / 2

    def log_mean(self, cell: LengthCell) -> float:
        """Mean of the logarithm of a cell's answers."""
        return self._mean(cell) - self.spread**2 / 2

    def _mean(self, cell: LengthCell) -> float:
        """Logarithm of the mean of a cell's answers."""
        line = self.level + self.slope * _size(cell)
        return line + self._template.get(cell.template, 0.0) + self._cell.get(cell.key, 0.0)

    def _sample(self, cell: LengthCell, reached: tuple[float, float]) -> _Sample | None:
        rows, first, second = float(cell.answered), float(cell.tokens), float(cell.tokens_squared)
        if cell.running and reached[1] > 1:
            centre, half = self.log_mean(cell), cell.running / 2
            rows += cell.running
            for each in reached:
                first += half * (each + capped_lognormal.residual(centre, self.spread, self._cap, each))
                second += half * capped_lognormal.second_moment(centre, self.spread, self._cap, each)
        return _Sample(cell, _size(cell), rows, first, second) if first > 0 else None

    def _regress(self, samples: Sequence[_Sample]) -> None:
        """Fit level and slope with a ridge towards the prior, then templates, then cells, each shrunk."""
        prior, variance = self._prior, self.spread**2
        weights = [1 / (variance / s.rows + _CELL_SPREAD**2) for s in samples]
        held = prior.rows / variance / 4
        total = held + sum(weights)
        sizes = [s.size for s in samples]
        means = [s.log_mean for s in samples]
        # The prior's level holds at the sizes that this job has: it is about answers, not about extrapolation.
        centre = sum(w * x for w, x in zip(weights, sizes, strict=True)) / sum(weights)
        believed = math.log(prior.level) + prior.slope * centre
        level = (held * believed + sum(w * y for w, y in zip(weights, means, strict=True))) / total
        stiffness = 1 / prior.slope_error**2
        across = sum(w * (x - centre) * (y - level) for w, x, y in zip(weights, sizes, means, strict=True))
        along = sum(w * (x - centre) ** 2 for w, x in zip(weights, sizes, strict=True))
        self.slope = (stiffness * prior.slope + across) / (stiffness + along)
        self.level = level - self.slope * centre
        rest = [y - self.level - self.slope * x for x, y in zip(sizes, means, strict=True)]
        self._template = self._offsets([s.cell.template for s in samples], weights, rest)
        rest = [y - self._template[s.cell.template] for s, y in zip(samples, rest, strict=True)]
        shrunk = variance / _CELL_SPREAD**2
        self._cell = {s.cell.key: y * s.rows / (s.rows + shrunk) for s, y in zip(samples, rest, strict=True)}
        rows = sum(s.rows for s in samples)
        spread_of = sum(s.rows * math.log(max(1.0, s.second * s.rows / s.first**2)) for s in samples)
        # The mean of logarithms lies below the logarithm of the mean: what is expected must add up to what was seen.
        said = sum(s.rows * math.exp(self._mean(s.cell)) for s in samples)
        self.level += math.log(sum(s.first for s in samples) / said) * rows / (rows + prior.rows)
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
