"""The status of a job with respect to its deadline. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.eta.spread import miss_probability
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.progress import EtaState, Progress
from llmbatch.core.staleness import ETA_UNKNOWN_SECONDS
from llmbatch.core.states import Phase

AT_RISK_ABOVE = 0.3
"""Chance of a miss from which a job is shown as at risk; lower than for an alert, which wakes a person."""

_LEAST_SECONDS = 0.001
"""A log-normal distribution, by which the chance of a miss is computed, has no quantile of 0."""


class Status(StrEnum):
    """``met`` is final; a job that is ``violated`` may still deliver late."""

    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    VIOLATED = "violated"
    MET = "met"


class JobStatus(BaseModel):
    """One line of ``/sla/status``.

    Attributes:
        phase: of the last heartbeat; ``queued`` before the first, ``finished`` for a job with a manifest.
        eta_hours: median time until the last commit; null while it is unknown, 0 when finished.
        sla_remaining_hours: negative after the deadline; for a finished job, the time it had left.
        reason: of the status.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    job_id: str
    progress_pct: float
    eta_hours: float | None
    eta_p10_hours: float | None = None
    eta_p90_hours: float | None = None
    miss_probability: float | None = None
    sla_remaining_hours: float
    status: Status
    phase: str
    deadline: AwareDatetime
    reason: str = ""


def status_of(
    spec: JobSpec,
    progress: Progress | None,
    finished_at: datetime | None,
    now: datetime,
) -> JobStatus:
    """Return the status of one job.

    An unknown ETA alone is not a risk: a job that has not started is on track until its deadline. A job that has
    stalled, writes no heartbeat or stopped unfinished is at risk, whatever its last ETA was.

    Args:
        spec: the job and its deadline.
        progress: the last heartbeat; None before the first.
        finished_at: the time in its manifest; None without a manifest.
        now: the current time.
    """
    if finished_at is not None:
        left = spec.seconds_left(finished_at)
        late = f"finished {-left / 3600:.2f} h after the deadline"
        return JobStatus(
            job_id=spec.job_id,
            progress_pct=100.0,
            eta_hours=0.0,
            sla_remaining_hours=_hours(left),
            status=Status.MET if left >= 0 else Status.VIOLATED,
            phase="finished",
            deadline=spec.deadline,
            reason=late if left < 0 else "",
        )
    left = spec.seconds_left(now)
    trouble = _trouble(progress, now)
    spans = _spans(progress, now) if trouble is None else None
    chance = miss_probability(left, *spans) if spans else None
    status, reason = Status.ON_TRACK, progress.eta_reason if progress else "not started"
    if left < 0:
        status, reason = Status.VIOLATED, "the deadline has passed"
    elif trouble is not None:
        status, reason = Status.AT_RISK, trouble
    elif spans is not None and chance is not None and (chance > AT_RISK_ABOVE or spans[1] > left):
        status = Status.AT_RISK
    return JobStatus(
        job_id=spec.job_id,
        progress_pct=round(progress.percent, 2) if progress else 0.0,
        eta_hours=_hours(spans[1]) if spans else None,
        eta_p10_hours=_hours(spans[0]) if spans else None,
        eta_p90_hours=_hours(spans[2]) if spans else None,
        miss_probability=round(chance, 4) if chance is not None else None,
        sla_remaining_hours=_hours(left),
        status=status,
        phase=progress.phase.value if progress else Phase.QUEUED.value,
        deadline=spec.deadline,
        reason=reason,
    )


def _trouble(progress: Progress | None, now: datetime) -> str | None:
    """Return why the heartbeat's ETA is not used, None if it is. A job that is done waits for its manifest."""
    if progress is None or progress.eta_state is EtaState.FINISHED:
        return None
    if progress.phase.is_terminal:
        return f"stopped unfinished: {progress.phase.value}" if progress.phase.stopped_early else None
    if progress.eta_state is EtaState.STALLED:
        return f"stalled: {progress.eta_reason}"
    age = progress.age(now)
    return f"no heartbeat for {age:.0f} s" if age > ETA_UNKNOWN_SECONDS else None


def _spans(progress: Progress | None, now: datetime) -> tuple[float, float, float] | None:
    """Return P10, P50 and P90 in seconds from ``now``."""
    if progress is None or progress.eta is None:
        return None
    left = progress.eta.aged(progress.age(now))
    return max(_LEAST_SECONDS, left.p10), max(_LEAST_SECONDS, left.p50), max(_LEAST_SECONDS, left.p90)


def _hours(seconds: float) -> float:
    return round(seconds / 3600, 4)
