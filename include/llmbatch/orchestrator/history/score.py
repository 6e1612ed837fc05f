"""Accuracy of a job's estimates and alerts."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.alerts import Alert, Level
from llmbatch.core.eta.record import EstimateLog, Mark, covers
from llmbatch.core.eta.trace import EstimateTrace, TracePoint


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EtaScore(_Part):
    """Accuracy of the time until the last commit.

    Attributes:
        ended_at: when the last commit was.
        points: number of estimates before it.
        unknown: number of these that had no value.
        marks: the estimates at 10, 25, 50, 75 and 90 % of the rows.
        error_pct: mean of their absolute errors (MAPE), in percent; null without marks.
        bias_pct: mean of their signed errors; below 0, the job took longer than estimated.
        coverage_pct: share of known estimates whose P10 to P90 contained the end, in percent.
        width: median of P90 / P10 of all known estimates.
    """

    ended_at: AwareDatetime
    points: int = 0
    unknown: int = 0
    marks: tuple[Mark, ...] = ()
    error_pct: float | None = None
    bias_pct: float | None = None
    coverage_pct: float | None = None
    width: float | None = None


class AlertScore(_Part):
    """One alert and its lead: seconds before the deadline, and their percentage of the time from submission to it."""

    level: Level
    number: int
    raised_at: AwareDatetime
    raised_by: str
    lead_seconds: float
    lead_pct: float
    miss_probability: float | None = None
    progress: float | None = None


def score_of(traces: Sequence[EstimateTrace], ended_at: datetime) -> EtaScore:
    """Score every estimate that was made before the last commit.

    Estimates before a crash or a change of replicas count too, because users have read them.
    """
    points = [point for trace in traces for point in trace.points if point.at < ended_at]
    log = EstimateLog()
    for point in points:
        log.note_point(point)
    marks = log.marks(ended_at.timestamp())
    known = [(point.at, point.seconds) for point in points if point.seconds is not None and point.predicted]
    covered = [covers(p10, p90, (ended_at - at).total_seconds()) for at, (p10, _, p90) in known]
    return EtaScore(
        ended_at=ended_at,
        points=len(points),
        unknown=sum(point.seconds is None for point in points),
        marks=marks,
        error_pct=_percent([abs(mark.error) for mark in marks]),
        bias_pct=_percent([mark.error for mark in marks]),
        coverage_pct=_percent(covered),
        width=round(statistics.median(p90 / max(p10, 1e-9) for _, (p10, _, p90) in known), 3) if known else None,
    )


def log_ratios(traces: Sequence[EstimateTrace], ended_at: datetime, since: datetime | None) -> EstimateLog:
    """Return the log of estimates for the history: those of the last generation, made from ``since`` on.

    The time before a failed generation was cleared, and the time that added replicas saved, are not errors of the
    model. In the history they would shift and widen the intervals of jobs without such events.
    """
    log = EstimateLog()
    for point in traces[-1].points if traces else ():
        if point.at < ended_at and (since is None or point.at >= since):
            log.note_point(point)
    return log


def alert_score(alert: Alert, submitted_at: datetime) -> AlertScore:
    """Score one alert. Raised at 12:00 for 20:00 in a window from 10:00: 8 h, which are 80 %."""
    lead = (alert.deadline - alert.raised_at).total_seconds()
    window = (alert.deadline - submitted_at).total_seconds()
    return AlertScore(
        level=alert.level,
        number=alert.number,
        raised_at=alert.raised_at,
        raised_by=alert.raised_by,
        lead_seconds=round(lead, 3),
        lead_pct=round(100 * lead / window, 2) if window > 0 else 0.0,
        miss_probability=alert.miss_probability,
        progress=alert.progress,
    )


def replicas_over_time(points: Sequence[TracePoint]) -> tuple[tuple[datetime, int], ...]:
    """Return the times at which the number of live replicas changed, with the new number."""
    found: list[tuple[datetime, int]] = []
    for point in points:
        if not found or found[-1][1] != point.replicas:
            found.append((point.at, point.replicas))
    return tuple(found)


def _percent(values: Sequence[float]) -> float | None:
    return round(100 * statistics.fmean(values), 3) if values else None
