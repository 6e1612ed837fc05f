"""The head of the page of a job: where it stands in one look, in words and numbers of a person on call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from llmbatch.core.clock import later
from llmbatch.core.control import Control
from llmbatch.core.dry_run import DryRun
from llmbatch.core.manifest import CostRecord
from llmbatch.core.sla_status import Status
from llmbatch.core.states import DesiredState, Phase
from llmbatch.gateway.jobs.answers import Job
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.states import JobState
from llmbatch.gateway.jobs.view import FINISHED, REFUSED
from llmbatch.gateway.pages.job.buttons import Button

PHASES: Final[Mapping[str, str]] = {
    Phase.QUEUED: "waits",
    Phase.CLUSTER: "waits for the cluster",
    Phase.MODEL_LOAD: "loads the model",
    Phase.WORK: "works",
    Phase.TAIL: "works on the last rows",
    Phase.DONE: "publishes",
    Phase.DRAINED: "drained",
    Phase.CANCELLED: "cancelled",
    Phase.FAILED: "failed",
    FINISHED: "finished",
    REFUSED: "refused",
}
"""Phases in words, with the job as their subject."""

VERDICTS: Final[Mapping[str, str]] = {
    "accepted": "the deadline can be kept",
    "at_risk": "the deadline is at risk",
    "infeasible": "the deadline cannot be kept",
}
"""Admission verdicts in words."""


@dataclass(frozen=True)
class Finish:
    """When the job will be done: quantiles of the finish."""

    p10: datetime
    p50: datetime
    p90: datetime


@dataclass(frozen=True)
class Head:
    """What the head shows.

    Attributes:
        job: the job as the API shows it.
        phase: its phase in words.
        word: its status in words; empty for a job without one.
        finish: the estimate; None while it is unknown, and for a job that is over.
        rows: counts by state, those of 0 left out except for succeeded ones.
        notices: what a reader has to know first, in sentences.
        cost: what it has cost, so far or in all.
        buttons: what the caller may do.
        verdict: the decision at the submission in words; empty without one.
        is_dry: whether the job is a dry run.
        found: what a dry run has found; None before that, and for every other job.
        is_over: whether its run has ended.
    """

    job: Job
    phase: str
    word: str
    finish: Finish | None
    rows: tuple[tuple[str, int], ...]
    notices: tuple[str, ...]
    cost: CostRecord | None
    buttons: tuple[Button, ...]
    verdict: str
    is_dry: bool
    is_over: bool
    found: DryRun | None = None


def head_of(
    found: FoundJob,
    job: Job,
    control: Control,
    cost: CostRecord | None,
    buttons: tuple[Button, ...],
    now: datetime,
    dry_run: DryRun | None = None,
) -> Head:
    """Return the head. Reads nothing.

    Args:
        found: the job.
        job: the same, as the API shows it.
        control: the requests to it.
        cost: what it has cost so far.
        buttons: what the caller may do.
        now: the current time.
        dry_run: what a dry run has found.
    """
    spec = found.spec
    counts = job.rows.model_dump(exclude={"total"})
    order = ("succeeded", "running", "waiting", "failed", "expired", "cancelled")
    is_dry = spec.request.dry_run if spec is not None else (found.run.conf or {}).get("dry_run") is True
    return Head(
        job=job,
        phase=PHASES.get(job.phase, job.phase),
        word="" if is_dry else _word(job),
        finish=_finish(job, now),
        rows=tuple((name, counts[name]) for name in order if counts[name] or name == "succeeded"),
        notices=_notices(found, job, control, now, is_dry=is_dry),
        cost=job.cost or cost,
        buttons=buttons,
        verdict="" if job.admission is None else VERDICTS[job.admission.verdict],
        is_dry=is_dry,
        is_over=found.run.is_over,
        found=dry_run,
    )


def _word(job: Job) -> str:
    if job.status is None:
        return ""
    if job.status is Status.VIOLATED:
        return "late" if job.state is JobState.SUCCEEDED else "deadline missed"
    return {Status.ON_TRACK: "on track", Status.AT_RISK: "at risk", Status.MET: "in time"}[job.status]


def _finish(job: Job, now: datetime) -> Finish | None:
    hours = (job.eta_p10_hours, job.eta_hours, job.eta_p90_hours)
    if job.state is not JobState.RUNNING or job.phase == FINISHED or None in hours:
        return None
    p10, p50, p90 = (_minute(later(now, each * 3600)) for each in hours if each is not None)
    return Finish(p10, p50, p90)


def _minute(at: datetime) -> datetime:
    """Return the time to the minute: an estimate to the second claims too much, and would change at each poll."""
    return (at + timedelta(seconds=30)).replace(second=0, microsecond=0)


def _notices(found: FoundJob, job: Job, control: Control, now: datetime, *, is_dry: bool) -> tuple[str, ...]:
    if found.spec is None:
        return _before_acceptance(found, is_dry=is_dry)
    if is_dry:
        return ("This is a dry run: it asks no model, and delivers nothing.",)
    if job.state is JobState.SUCCEEDED:
        return ()
    found_notices = []
    if control.desired is not DesiredState.RUN:
        what = "a cancel" if control.desired is DesiredState.CANCEL else "a drain"
        found_notices.append(f"{_by(control)} requested {what}{_why(control)}.")
    if control.is_paused(now):
        until = " It ends by itself." if control.paused_until else ""
        found_notices.append(f"The job is paused{_why(control)}.{until}")
    if job.state is JobState.QUEUED:
        found_notices.append("The run waits in Airflow for a free place among the jobs that run.")
    elif job.state is JobState.RUNNING and job.heartbeat is None:
        found_notices.append("The job is accepted. Its input is staged, or it waits for the cluster; no engine works.")
    return tuple(found_notices)


def _before_acceptance(found: FoundJob, *, is_dry: bool) -> tuple[str, ...]:
    kind = "dry run" if is_dry else "job"
    if found.state is JobState.QUEUED:
        return (f"The {kind} waits in Airflow for a free place among the jobs that run.",)
    if found.state is JobState.RUNNING:
        return (
            f"The {kind} is not accepted yet: its request is being checked, or it waits until the service admits jobs.",
        )
    if found.state is JobState.FAILED:
        return (f"The {kind} was refused, and no row was asked. Correct the request and start it again.",)
    return (
        "The folder of this job is not there. It was removed when its time was over, or the run has adopted the job of "
        "another run with the same idempotency key.",
    )


def _by(control: Control) -> str:
    return control.written_by or "Somebody"


def _why(control: Control) -> str:
    return f" ({control.reason})" if control.reason else ""
