"""The alerts of a job with their lead: how long before the deadline, and before the end, somebody knew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from llmbatch.core.alerts import Level
from llmbatch.gateway.jobs.answers import AlertAnswer, Job
from llmbatch.gateway.jobs.states import JobState


@dataclass(frozen=True)
class AlertLine:
    """One alert. Leads are hours; negative: it came after that time. ``to_end`` is None while the job is not over."""

    level: Level
    raised_at: datetime
    to_deadline: float
    to_end: float | None
    reason: str


def alert_lines(job: Job) -> tuple[AlertLine, ...]:
    """Return the alerts, the newest first."""
    is_over = job.state in {JobState.SUCCEEDED, JobState.FAILED}
    end = job.finished_at if is_over else None
    return tuple(_line(alert, job.deadline, end) for alert in reversed(job.alerts))


def _line(alert: AlertAnswer, deadline: datetime, end: datetime | None) -> AlertLine:
    return AlertLine(
        level=alert.level,
        raised_at=alert.raised_at,
        to_deadline=_hours(deadline, alert.raised_at),
        to_end=None if end is None else _hours(end, alert.raised_at),
        reason=alert.reason,
    )


def _hours(later: datetime, earlier: datetime) -> float:
    return (later - earlier).total_seconds() / 3600
