"""Whether a job can keep its deadline together with the jobs accepted before it.

Jobs of higher priority come first, as Airflow starts them; among equals, the earliest deadline.

Three jobs on one cluster, each 1 h of work, due in 1.5 h, 2.5 h and 3.5 h, all fit; a fourth of 1 h that is due in 2 h
would end after 2 h and push the second to 3 h, past its deadline.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from llmbatch.core.clock import later
from llmbatch.core.input_size import InputSize
from llmbatch.core.priority import DEFAULT_PRIORITY, Priority
from llmbatch.core.progress import EtaSeconds


class Feasibility(StrEnum):
    """Whether a deadline can be kept, as predicted at submission; ``accepted`` also if no prediction is possible."""

    ACCEPTED = "accepted"
    AT_RISK = "at_risk"
    INFEASIBLE = "infeasible"


class QueuedJob(BaseModel):
    """An accepted job that has not ended.

    ``eta`` is the time that it still needs on ``replicas`` engines of its own, null if unknown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    job_id: str
    root_uri: str
    deadline: AwareDatetime
    priority: Priority = DEFAULT_PRIORITY
    replicas: Annotated[int, Field(ge=1)]
    eta: EtaSeconds | None = None


class AdmissionQueue(BaseModel):
    """``queue.json``: jobs by deadline."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    jobs: tuple[QueuedJob, ...] = ()


class Admission(BaseModel):
    """``admission.json``: the decision at submission.

    Attributes:
        eta_p50: seconds from ``decided_at`` until its last commit, behind the jobs before it; null if unknown.
            ``eta_p90`` is the same at 90 %.
        eta_p90: see ``eta_p50``.
        earliest_finish: the earliest deadline that is possible without making another job late; null if there is none
            at this priority, or if unknown.
        replicas: most engines that the job may have.
        replicas_needed: smallest count that keeps every deadline; null if no allowed count does, or if unknown.
        jobs_before: jobs of higher priority, and those of equal priority that are due before it.
        jobs_unknown: jobs in the queue without an ETA; they count as no work.
        breaks: jobs that would miss their deadline because of this one.
        reason: one clause for the user.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    job_id: str
    verdict: Feasibility
    decided_at: AwareDatetime
    deadline: AwareDatetime
    eta_p50: float | None = None
    eta_p90: float | None = None
    earliest_finish: AwareDatetime | None = None
    replicas: int
    replicas_needed: int | None = None
    jobs_before: int = 0
    jobs_unknown: int = 0
    breaks: tuple[str, ...] = ()
    reason: str
    size: InputSize | None = None


_Seconds = Callable[[EtaSeconds], float]


def median(eta: EtaSeconds) -> float:
    """Return the median of an estimate, in seconds."""
    return eta.p50


def _p90(eta: EtaSeconds) -> float:
    return eta.p90


def weigh(
    job: QueuedJob,
    others: Iterable[QueuedJob],
    *,
    now: datetime,
    capacity: int,
    most: int,
    eta_on: Callable[[int], EtaSeconds | None],
) -> Admission:
    """Predict whether ``job`` and all of ``others`` can keep their deadlines.

    Args:
        job: the new one.
        others: the jobs accepted before, without the new one.
        now: when the work begins.
        capacity: replicas of the cluster, which the jobs share.
        most: replicas that the new job may have at most.
        eta_on: returns the time that the new job takes on a number of replicas of its own.
    """
    queue = sorted((each for each in others if each.job_id != job.job_id), key=by_turn)
    before = sum(by_turn(each) < by_turn(job) for each in queue)
    admission = Admission(
        job_id=job.job_id,
        verdict=Feasibility.ACCEPTED,
        decided_at=now,
        deadline=job.deadline,
        replicas=job.replicas,
        jobs_before=before,
        jobs_unknown=sum(each.eta is None for each in queue),
        reason="no history for this engine",
    )
    if job.eta is None:
        return admission
    verdict, breaks = _verdict(job, queue, now, capacity)
    together = _inserted(job, queue)
    p50, p90 = (finishes(together, capacity, seconds)[before] for seconds in (median, _p90))
    return admission.model_copy(
        update={
            "verdict": verdict,
            "eta_p50": p50,
            "eta_p90": p90,
            "earliest_finish": _earliest(job, queue, now, capacity),
            "replicas_needed": _replicas_needed(job, queue, now, capacity, most, eta_on),
            "breaks": breaks,
            "reason": _reason(job, admission, p50, p90, len(breaks)),
        }
    )


def _reason(job: QueuedJob, admission: Admission, p50: float, p90: float, broken: int) -> str:
    own = f"{job.eta.p50 / 3600:.2f} h (P90 {job.eta.p90 / 3600:.2f} h)" if job.eta is not None else "?"
    hours = (admission.deadline - admission.decided_at).total_seconds() / 3600
    reason = (
        f"{own} of work on {admission.replicas} replicas behind {admission.jobs_before} jobs ends in "
        f"{p50 / 3600:.2f} h (P90 {p90 / 3600:.2f} h); {hours:.2f} h are left"
    )
    if broken:
        reason += f"; {broken} other jobs would miss their deadline"
    if admission.jobs_unknown:
        reason += f"; {admission.jobs_unknown} jobs of unknown size are not counted"
    return reason


def by_turn(job: QueuedJob) -> tuple[int, datetime, str]:
    """Return the sort key of the order in which jobs start."""
    return -job.priority, job.deadline, job.job_id


def _inserted(job: QueuedJob, queue: Sequence[QueuedJob]) -> list[QueuedJob]:
    return sorted([*queue, job], key=by_turn)


def finishes(queue: Sequence[QueuedJob], capacity: int, seconds: _Seconds) -> list[float]:
    """Return seconds until each job ends, in the given order.

    The cluster does one replica-second per replica and second, and no job is faster than on its own replicas. P90s are
    added: the jobs share an engine, so their errors are correlated.
    """
    shared = max([capacity, *(job.replicas for job in queue)])
    work, ends = 0.0, []
    for job in queue:
        own = seconds(job.eta) if job.eta is not None else 0.0
        work += own * job.replicas
        ends.append(max(own, work / shared))
    return ends


def _late(queue: Sequence[QueuedJob], now: datetime, capacity: int, seconds: _Seconds) -> set[str]:
    """Return the jobs that miss their deadline. A job of unknown size never counts as late."""
    ends = finishes(queue, capacity, seconds)
    return {
        job.job_id
        for job, end in zip(queue, ends, strict=True)
        if job.eta is not None and later(now, end) > job.deadline
    }


def _verdict(
    job: QueuedJob, queue: Sequence[QueuedJob], now: datetime, capacity: int
) -> tuple[Feasibility, tuple[str, ...]]:
    """Return the verdict, and the other jobs that the new one alone makes late (at P90)."""
    together = _inserted(job, queue)
    surely, perhaps = (
        _late(together, now, capacity, seconds) - _late(queue, now, capacity, seconds) for seconds in (median, _p90)
    )
    breaks = tuple(each.job_id for each in queue if each.job_id in surely | perhaps)
    if surely:
        return Feasibility.INFEASIBLE, breaks
    return (Feasibility.AT_RISK if perhaps else Feasibility.ACCEPTED), breaks


def _earliest(job: QueuedJob, queue: Sequence[QueuedJob], now: datetime, capacity: int) -> datetime | None:
    """Return when the job ends (P90) at the first turn of its priority where it makes no other job late; else None."""
    already = _late(queue, now, capacity, _p90)
    first = sum(each.priority > job.priority for each in queue)
    last = sum(each.priority >= job.priority for each in queue)
    for turn in range(first, last + 1):
        order = [*queue[:turn], job, *queue[turn:]]
        if _late(order, now, capacity, _p90) - already <= {job.job_id}:
            return later(now, finishes(order, capacity, _p90)[turn])
    return None


def _replicas_needed(
    job: QueuedJob,
    queue: Sequence[QueuedJob],
    now: datetime,
    capacity: int,
    most: int,
    eta_on: Callable[[int], EtaSeconds | None],
) -> int | None:
    counts = range(job.replicas, max(job.replicas, most) + 1)

    def fits(count: int) -> bool:
        eta = job.eta if count == job.replicas else eta_on(count)
        grown = job.model_copy(update={"replicas": count, "eta": eta})
        return _verdict(grown, queue, now, capacity)[0] is Feasibility.ACCEPTED

    found = bisect_left(counts, True, key=fits)
    return counts[found] if found < len(counts) else None
