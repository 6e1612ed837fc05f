"""``queue.json``: the accepted jobs that have not ended, written by compare-and-swap.

The queue serves predictions only. One that is lost or cannot be read is replaced by an empty one with a warning; jobs
that it no longer names still run, they only do not count in the next decision.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from pydantic import ValidationError

from llmbatch.core.admission import AdmissionQueue, QueuedJob
from llmbatch.core.errors import ObjectChanged, ObjectExists, ObjectMissing, StoreError
from llmbatch.core.heartbeat import read_heartbeat
from llmbatch.core.layout import JobLayout, queue_uri
from llmbatch.core.manifest import is_published
from llmbatch.core.progress import Progress
from llmbatch.core.read_ahead import in_order
from llmbatch.core.staleness import ETA_UNKNOWN_SECONDS
from llmbatch.core.states import Phase
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.index import admission_queue

TRIES = 20
MOST_JOBS = 500
"""Most jobs in the queue; beyond it, those with the latest deadlines are dropped."""
REST = timedelta(minutes=20)
"""Time that a failed generation may wait for the next one; longer than Airflow's pauses between retries."""
GONE = timedelta(hours=1)
"""Time after its deadline at which a job without a heartbeat leaves the queue."""

_IN_FLIGHT = 32
_log = logging.getLogger(__name__)


def change_queue(
    base_uri: str, store: ObjectStore, change: Callable[[tuple[QueuedJob, ...]], tuple[QueuedJob, ...]]
) -> None:
    """Replace the queued jobs by the result of ``change``; nothing is written if that is the same.

    ``change`` is called again with the new queue whenever another process was faster.

    Raises:
        StoreError: the store failed, or other processes were faster twenty times.
    """
    uri = queue_uri(base_uri)
    for attempt in range(TRIES):
        try:
            queue, etag = admission_queue(base_uri, store)
            old = queue.jobs if queue is not None else ()
            jobs = tuple(sorted(change(old), key=lambda job: (job.deadline, job.job_id)))[:MOST_JOBS]
            if jobs == old:
                return
            body = AdmissionQueue(jobs=jobs).model_dump_json(indent=1).encode()
            if etag is None:
                store.create(uri, body)
            else:
                store.replace(uri, body, etag)
        except (ObjectExists, ObjectChanged, ObjectMissing) as error:
            if isinstance(error, ObjectMissing) and etag is None:
                raise  # no bucket
            time.sleep(random.uniform(0, min(0.5, 0.02 * 2**attempt)))  # nosec B311 # spreads retries
            continue
        return
    raise StoreError(f"{uri} was changed by other processes {TRIES} times in a row; try again.")


def queued_jobs(base_uri: str, store: ObjectStore) -> tuple[QueuedJob, ...]:
    """Return the queue as it is now."""
    queue, _ = admission_queue(base_uri, store)
    return queue.jobs if queue is not None else ()


def leave_queue(base_uri: str, job_id: str, store: ObjectStore) -> None:
    """Take a job out of the queue. A failed store is only a warning: the next admission removes the job."""
    try:
        change_queue(base_uri, store, lambda jobs: tuple(job for job in jobs if job.job_id != job_id))
    except StoreError as error:
        _log.warning("event=leave_queue_failed job_id=%s reason=%s", job_id, error)


def open_jobs(base_uri: str, store: ObjectStore, now: datetime) -> tuple[QueuedJob, ...]:
    """Return the queued jobs that have not ended, each with the time that it still needs.

    Costs one to two requests for each of them, several at a time.

    Raises:
        StoreError: the store failed.
    """
    found = current_jobs(queued_jobs(base_uri, store), store, now)
    return tuple(job for job in found if job is not None)


def current_jobs(jobs: Sequence[QueuedJob], store: ObjectStore, now: datetime) -> Iterator[QueuedJob | None]:
    """Yield ``current_job`` of each."""
    return in_order(partial(current_job, store=store, now=now), jobs, in_flight=_IN_FLIGHT, name="queue")


def current_job(job: QueuedJob, store: ObjectStore, now: datetime) -> QueuedJob | None:
    """Return a queued job with the time that it still needs, None if it has ended.

    It has ended if it is published or has committed its last shard, if ``REST`` has passed since it failed or was
    stopped, or if it wrote no heartbeat for ``GONE`` after its deadline. The time comes from its last heartbeat, or if
    that is too old, from its admission.
    """
    layout = JobLayout(job.root_uri)
    if is_published(layout, store):
        return None
    progress = _progress(layout, store, now)
    if progress is None:
        return job if now < job.deadline + GONE else None
    age = progress.age(now)
    if progress.phase.is_terminal:
        return None if progress.phase is Phase.DONE or age > REST.total_seconds() else job
    if age > ETA_UNKNOWN_SECONDS:
        return job if now < max(job.deadline, progress.written_at) + GONE else None
    return with_heartbeat(job, progress, now)


def with_heartbeat(job: QueuedJob, progress: Progress, now: datetime) -> QueuedJob:
    """Return the job with the time that it still needs by a recent heartbeat, and the replicas that it has."""
    if progress.eta is None:
        return job
    eta = progress.eta.aged(max(0.0, progress.age(now)))
    return job.model_copy(update={"eta": eta, "replicas": max(1, progress.replicas.live)})


def _progress(layout: JobLayout, store: ObjectStore, now: datetime) -> Progress | None:
    try:
        return read_heartbeat(store, layout, now)
    except ValidationError as error:
        _log.warning("event=progress_unreadable uri=%s problems=%d", layout.progress, error.error_count())
        return None
