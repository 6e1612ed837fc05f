"""The estimates of a job, and how accurate they were."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from llmbatch.core.eta.estimate import Estimate
from llmbatch.core.eta.spread import KNOTS
from llmbatch.core.eta.trace import TracePoint

MARKS = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Parts of the rows at which accuracy is published."""

RESOLUTION_SECONDS = 2.0
"""Heartbeats are so far apart. A shorter remaining time, predicted or actual, cannot be observed and counts as this."""


def relative_error(predicted: float, actual: float) -> float:
    """Return by how much a prediction of remaining seconds was too late: 90 s instead of 100 s are -0.1.

    The last rows of a job often end together, 0.05 s before the job does. A prediction of 1 s is right then.
    """
    return observable(predicted) / observable(actual) - 1


def covers(p10: float, p90: float, actual: float) -> bool:
    """Return whether an interval of remaining seconds held what came."""
    return observable(p10) <= observable(actual) <= observable(p90)


def observable(seconds: float) -> float:
    """Return remaining seconds as heartbeats can show them."""
    return max(seconds, RESOLUTION_SECONDS)


class Mark(BaseModel):
    """The estimate at one mark: relative error of P50 (positive: too late), and whether P10 to P90 held the truth."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    progress: float
    error: float
    covered: bool
    width: float
    """P90 over P10."""


@dataclass(frozen=True)
class _Point:
    """One estimate: when, the model's own number, and P10, P50, P90 in seconds from then."""

    at: float
    predicted: float
    seconds: tuple[float, float, float]


@dataclass
class EstimateLog:
    """Keeps the first estimate at or past each knot and mark; bounded, whatever the length of the job."""

    _knots: list[_Point | None] = field(default_factory=lambda: [None] * len(KNOTS))
    _marks: list[_Point | None] = field(default_factory=lambda: [None] * len(MARKS))

    def note(self, estimate: Estimate, rows_progress: float) -> None:
        """Take an estimate; ``rows_progress`` is the part of the rows that have ended."""
        if estimate.progress is None or estimate.seconds is None or not estimate.predicted:
            return
        eta = estimate.seconds
        self._take(
            _Point(estimate.at, estimate.predicted, (eta.p10, eta.p50, eta.p90)), estimate.progress, rows_progress
        )

    def note_point(self, point: TracePoint) -> None:
        """Take an estimate out of a trace; times then count in seconds of the epoch."""
        if point.work is None or point.seconds is None or not point.predicted:
            return
        self._take(_Point(point.at.timestamp(), point.predicted, point.seconds), point.work, point.rows)

    def log_ratios(self, finished_at: float) -> tuple[float | None, ...]:
        """Return ln(actual / predicted) at each knot; None where no estimate stood."""
        return tuple(
            math.log(observable(finished_at - each.at) / observable(each.predicted))
            if each is not None and finished_at > each.at
            else None
            for each in self._knots
        )

    def marks(self, finished_at: float) -> tuple[Mark, ...]:
        """Return the accuracy at each mark that had an estimate."""
        found = []
        for progress, each in zip(MARKS, self._marks, strict=True):
            if each is None or finished_at <= each.at:
                continue
            actual, (p10, p50, p90) = finished_at - each.at, each.seconds
            found.append(
                Mark(
                    progress=progress,
                    error=relative_error(p50, actual),
                    covered=covers(p10, p90, actual),
                    width=p90 / max(p10, 1e-9),
                )
            )
        return tuple(found)

    def _take(self, point: _Point, work_progress: float, rows_progress: float) -> None:
        _keep(self._knots, KNOTS, work_progress, point)
        _keep(self._marks, MARKS, rows_progress, point)


def _keep(places: list[_Point | None], edges: Sequence[float], progress: float, point: _Point) -> None:
    """Put the estimate at the last edge passed, if it is the first there."""
    passed = max((n for n, edge in enumerate(edges) if progress >= edge), default=None)
    if passed is not None and places[passed] is None:
        places[passed] = point
