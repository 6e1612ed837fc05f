"""What a job's estimates said, and how right they were."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from llmbatch.core.eta.estimate import Estimate
from llmbatch.core.eta.spread import KNOTS

MARKS = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Parts of the rows at which accuracy is published."""


class Mark(BaseModel):
    """The estimate at one mark: relative error of P50 (positive: too late), and whether P10 to P90 held the truth."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    progress: float
    error: float
    covered: bool
    width: float
    """P90 over P10."""


@dataclass
class EstimateLog:
    """Keeps the first estimate at or past each knot and mark; bounded, whatever the length of the job."""

    _knots: list[Estimate | None] = field(default_factory=lambda: [None] * len(KNOTS))
    _marks: list[Estimate | None] = field(default_factory=lambda: [None] * len(MARKS))

    def note(self, estimate: Estimate, rows_progress: float) -> None:
        """Take an estimate; ``rows_progress`` is the part of the rows that have ended."""
        if estimate.progress is None or estimate.seconds is None or not estimate.predicted:
            return
        _keep(self._knots, KNOTS, estimate.progress, estimate)
        _keep(self._marks, MARKS, rows_progress, estimate)

    def log_ratios(self, finished_at: float) -> tuple[float | None, ...]:
        """Return ln(actual / predicted) at each knot; None where no estimate stood."""
        return tuple(
            math.log((finished_at - each.at) / each.predicted)
            if each is not None and each.predicted and finished_at > each.at
            else None
            for each in self._knots
        )

    def marks(self, finished_at: float) -> tuple[Mark, ...]:
        """Return the accuracy at each mark that had an estimate."""
        found = []
        for progress, each in zip(MARKS, self._marks, strict=True):
            if each is None or each.seconds is None or finished_at <= each.at:
                continue
            actual, eta = finished_at - each.at, each.seconds
            found.append(
                Mark(
                    progress=progress,
                    error=eta.p50 / actual - 1,
                    covered=eta.p10 <= actual <= eta.p90,
                    width=eta.p90 / max(eta.p10, 1e-9),
                )
            )
        return tuple(found)


def _keep(places: list[Estimate | None], edges: Sequence[float], progress: float, estimate: Estimate) -> None:
    """Put the estimate at the last edge passed, if it is the first there."""
    passed = max((n for n, edge in enumerate(edges) if progress >= edge), default=None)
    if passed is not None and places[passed] is None:
        places[passed] = estimate
