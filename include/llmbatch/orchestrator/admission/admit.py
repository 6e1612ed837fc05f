"""Admission: predict at submission whether a job can keep its deadline, and enter it in the queue.

The decision is written to ``admission.json`` before the job is frozen in ``spec.json``; a repeated call returns it.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, ValidationError

from llmbatch.core import metrics
from llmbatch.core.admission import Admission, Feasibility, QueuedJob, weigh
from llmbatch.core.clock import Clock
from llmbatch.core.errors import ObjectExists, ObjectMissing, RequestError, StoreError
from llmbatch.core.eta.basis import EtaBasis
from llmbatch.core.eta.forecast import forecast
from llmbatch.core.eta.history import History
from llmbatch.core.input_size import InputSize
from llmbatch.core.job_spec import InputObject, JobSpec
from llmbatch.core.progress import EtaSeconds
from llmbatch.core.request_options import OnInfeasible
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document
from llmbatch.orchestrator.admission.queue import change_queue, current_jobs, open_jobs
from llmbatch.orchestrator.admission.sample import estimate_size
from llmbatch.orchestrator.history.lessons import basis_for, read_history
from llmbatch.orchestrator.metrics.events import count

_log = logging.getLogger(__name__)
_REJECTED = "rejected"
"""Verdict of the metric for a job that is infeasible and not accepted."""


def admit(
    spec: JobSpec, objects: tuple[InputObject, ...], capacity: int, store: ObjectStore, clock: Clock
) -> Admission:
    """Decide whether the job can keep its deadline, and enter it in the queue. A dry run is not queued.

    Args:
        spec: the resolved job; it need not be written yet.
        objects: its input.
        capacity: replicas that the deployment has.
        store: where input and jobs are.
        clock: for now.

    Raises:
        RequestError: it cannot keep its deadline or would make another job late, and its request sets
            ``on_infeasible`` to reject. Nothing of the job is stored.
        StoreError: the store failed, or too many other processes wrote the queue at once.
    """
    decision = read_admission(spec, store)
    if decision is not None:
        return decision
    basis = read_basis(spec, store)
    size, now = estimate_size(spec, objects, store), clock.now()
    candidate = _Candidate(spec, size, basis, capacity, now)
    if spec.request.dry_run:
        decision = candidate.weigh(open_jobs(spec.layout.base, store, now))
    else:
        decision = _Desk(spec, candidate, store, now).enter_queue()
    _once(spec.layout.basis, basis, store)
    _once(spec.layout.admission, decision, store)
    if not spec.request.dry_run:
        count(metrics.ADMISSIONS, decision.verdict.value)
    _log_decision(decision)
    return decision


def preview(spec: JobSpec, size: InputSize, capacity: int, store: ObjectStore, clock: Clock) -> Admission:
    """Return the decision for a job of that size now, without entering it in the queue."""
    now = clock.now()
    others = open_jobs(spec.layout.base, store, now)
    return weigh_beside(others, spec, size, read_basis(spec, store), capacity, now)


def weigh_beside(
    others: Iterable[QueuedJob],
    spec: JobSpec,
    size: InputSize | None,
    basis: EtaBasis,
    capacity: int,
    now: datetime,
) -> Admission:
    """Return the decision for a job of that size. Reads nothing, so it can be asked for many deadlines.

    Args:
        others: the jobs that have not ended, as ``open_jobs`` returns them.
        spec: the job, with the deadline that is asked about.
        size: None if it is unknown.
        basis: as ``read_basis`` returns it.
        capacity: replicas that the deployment has.
        now: when the work begins.
    """
    return _Candidate(spec, size, basis, capacity, now).weigh(others)


def read_admission(spec: JobSpec, store: ObjectStore) -> Admission | None:
    """Return the decision about a job, None if there is none or it cannot be read."""
    try:
        return read_document(Admission, store.get(spec.layout.admission))
    except ObjectMissing:
        return None
    except ValidationError as error:
        _log.warning("event=admission_unreadable job_id=%s problems=%d", spec.job_id, error.error_count())
        return None


def read_basis(spec: JobSpec, store: ObjectStore) -> EtaBasis:
    """Return the basis of the ETA that the job was accepted with, or before that, the one from the history now."""
    try:
        return read_document(EtaBasis, store.get(spec.layout.basis))
    except ObjectMissing:
        pass
    except ValidationError as error:
        _log.warning("event=basis_unreadable job_id=%s problems=%d", spec.job_id, error.error_count())
    try:
        history = read_history(spec.layout.base, store)
    except (StoreError, ValueError) as error:
        _log.warning("event=history_unreadable job_id=%s reason=%s", spec.job_id, error)
        history = History()
    return basis_for(spec, history)


class _Candidate:
    """One job, and what is believed of it."""

    def __init__(self, spec: JobSpec, size: InputSize | None, basis: EtaBasis, capacity: int, now: datetime) -> None:
        self._spec, self._size, self._basis, self._capacity, self._now = spec, size, basis, capacity, now
        self.job = QueuedJob(
            job_id=spec.job_id,
            root_uri=spec.root_uri,
            deadline=spec.deadline,
            priority=spec.request.priority,
            replicas=spec.engine.max_replicas,
            eta=self._eta_on(spec.engine.max_replicas),
        )

    def weigh(self, others: Iterable[QueuedJob]) -> Admission:
        """Return the decision about the job together with others that have not ended."""
        decision = weigh(
            self.job,
            others,
            now=self._now,
            capacity=self._capacity,
            most=max(self._capacity, self._spec.engine.max_replicas, self._spec.request.reactions.max_replicas or 0),
            eta_on=self._eta_on,
        )
        reason = decision.reason if self._size is not None else "the size of the input is unknown"
        return decision.model_copy(update={"size": self._size, "reason": reason})

    def _eta_on(self, replicas: int) -> EtaSeconds | None:
        if self._size is None:
            return None
        return forecast(self._size, self._spec.engine.max_num_seqs, self._basis, replicas)


class _Desk:
    """One job and the queue that it wants to enter."""

    def __init__(self, spec: JobSpec, candidate: _Candidate, store: ObjectStore, now: datetime) -> None:
        self._spec, self._candidate, self._store, self._now = spec, candidate, store, now
        self._looked: dict[str, QueuedJob | None] = {}

    def enter_queue(self) -> Admission:
        """Enter the job in the queue unless it must be rejected; remove jobs that have ended."""
        decisions: list[Admission] = []

        def enter(queue: tuple[QueuedJob, ...]) -> tuple[QueuedJob, ...]:
            decisions.append(self._candidate.weigh(self._open(queue)))
            others = tuple(job for job in queue if job.job_id != self._spec.job_id and self._look(job) is not None)
            return others if self._rejects(decisions[-1]) else (*others, self._candidate.job)

        change_queue(self._spec.layout.base, self._store, enter)
        if self._rejects(decisions[-1]):
            count(metrics.ADMISSIONS, _REJECTED)
            raise _rejection(decisions[-1])
        return decisions[-1]

    def _open(self, queue: tuple[QueuedJob, ...]) -> list[QueuedJob]:
        """Return the queued jobs that have not ended; each is read once, however often the queue changes."""
        new = [job for job in queue if job.job_id not in self._looked and job.job_id != self._spec.job_id]
        for job, found in zip(new, current_jobs(new, self._store, self._now), strict=True):
            self._looked[job.job_id] = found
        return [found for job in queue if (found := self._look(job)) is not None]

    def _look(self, job: QueuedJob) -> QueuedJob | None:
        return self._looked.get(job.job_id)

    def _rejects(self, decision: Admission) -> bool:
        return decision.verdict is Feasibility.INFEASIBLE and self._spec.request.on_infeasible is OnInfeasible.REJECT


def _rejection(decision: Admission) -> RequestError:
    finish = (
        decision.earliest_finish.isoformat(timespec="seconds") if decision.earliest_finish else "none at this priority"
    )
    needed = decision.replicas_needed
    replicas = f"{needed} replicas would keep it" if needed else "no allowed number of replicas would keep it"
    return RequestError(
        "sla_hours",
        f"{decision.job_id} cannot keep its deadline {decision.deadline.isoformat(timespec='seconds')}: "
        f"{decision.reason}. "
        f"The earliest possible deadline is {finish}; {replicas}",
        "Set a later deadline or more replicas (engine.concurrency), or set on_infeasible to accept.",
    )


def _once(uri: str, document: BaseModel, store: ObjectStore) -> None:
    with contextlib.suppress(ObjectExists):
        store.create(uri, document.model_dump_json(indent=1).encode())


def _log_decision(decision: Admission) -> None:
    level = logging.INFO if decision.verdict is Feasibility.ACCEPTED else logging.WARNING
    _log.log(
        level,
        "event=admission job_id=%s verdict=%s replicas_needed=%s earliest_finish=%s reason=%r",
        decision.job_id,
        decision.verdict.value,
        decision.replicas_needed,
        decision.earliest_finish,
        decision.reason,
    )
