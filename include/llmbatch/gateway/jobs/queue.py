"""The jobs that are not over, in the order in which they start, with predicted times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from llmbatch.core.admission import QueuedJob
from llmbatch.core.clock import later
from llmbatch.core.priority import priority_of
from llmbatch.core.progress import Progress
from llmbatch.core.read_ahead import in_order
from llmbatch.core.staleness import ETA_UNKNOWN_SECONDS
from llmbatch.core.turns import Turn, turns
from llmbatch.gateway.airflow.client import DagRun
from llmbatch.gateway.jobs.answers import QueueAnswer, QueueEntry
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.states import JobState
from llmbatch.gateway.jobs.view import entry_of
from llmbatch.orchestrator.admission.queue import with_heartbeat

MOST_JOBS = 500
"""Runs that are shown at most."""
_IN_FLIGHT = 16


@dataclass(frozen=True)
class ActiveJob:
    """A job that is not over, with its last heartbeat."""

    found: FoundJob
    progress: Progress | None

    def queued(self, known: QueuedJob | None, replicas: int, now: datetime) -> QueuedJob:
        """Return the job with the time that it still needs, by its heartbeat if that is recent."""
        job = known or QueuedJob(
            job_id=self.found.job_id,
            root_uri="",
            deadline=self.found.deadline,
            priority=priority_of(self.found.run.conf),
            replicas=replicas,
        )
        is_recent = self.progress is not None and self.progress.age(now) <= ETA_UNKNOWN_SECONDS
        return with_heartbeat(job, self.progress, now) if self.progress is not None and is_recent else job


def queue_of(
    runs: list[DagRun], admitted: tuple[QueuedJob, ...], capacity: int, documents: JobDocuments, now: datetime
) -> QueueAnswer:
    """Return the queue. Blocks; reads spec and heartbeat of each job that runs.

    Args:
        runs: the runs that are not over.
        admitted: the queue as admission keeps it, with the time that each job was predicted to take.
        capacity: replicas of the deployment.
        documents: reader of jobs.
        now: the current time.
    """

    def look(run: DagRun) -> ActiveJob:
        found = FoundJob(run, None)
        spec = documents.spec(found.job_id) if found.state is JobState.RUNNING else None
        return ActiveJob(FoundJob(run, spec), documents.progress(found.job_id, now) if spec is not None else None)

    active = {each.found.job_id: each for each in in_order(look, runs, in_flight=_IN_FLIGHT, name="queue")}
    ordered = enumerate(turns_of(active, admitted, capacity, now), 1)
    return QueueAnswer(jobs=tuple(_entry(position, turn, active, now) for position, turn in ordered))


def turns_of(
    active: Mapping[str, ActiveJob], admitted: Iterable[QueuedJob], capacity: int, now: datetime
) -> list[Turn]:
    """Return the jobs that have begun, then those that wait, in the order in which they start. Reads nothing.

    Args:
        active: the jobs by id.
        admitted: the queue as admission keeps it.
        capacity: replicas of the deployment.
        now: the current time, to which the heartbeats' times refer.
    """
    known = {job.job_id: job for job in admitted}
    jobs = {job_id: each.queued(known.get(job_id), capacity, now) for job_id, each in active.items()}
    begun = [job for job_id, job in jobs.items() if active[job_id].progress is not None]
    waiting = [job for job_id, job in jobs.items() if active[job_id].progress is None]
    return turns(begun, waiting, capacity)


def _entry(position: int, turn: Turn, active: Mapping[str, ActiveJob], now: datetime) -> QueueEntry:
    each = active[turn.job.job_id]
    start = None if turn.start is None else later(now, turn.start)
    return QueueEntry(
        **entry_of(each.found, each.progress, None, now).model_dump(),
        position=position,
        priority=turn.job.priority,
        predicted_start=each.progress.started_at if each.progress is not None else start,
        predicted_end=None if turn.end is None else later(now, turn.end),
        jobs_unknown=turn.unknown,
    )
