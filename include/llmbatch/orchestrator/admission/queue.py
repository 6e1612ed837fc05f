"""``queue.json``: the jobs that were promised and are not over, written by compare-and-swap.

The queue only serves predictions. One that is lost or cannot be read is begun anew with a warning; jobs that it no
longer names still run, they only do not count for the next verdict.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import ValidationError

from llmbatch.core.admission import AdmissionQueue, QueuedJob
from llmbatch.core.errors import ObjectChanged, ObjectExists, ObjectMissing, StoreError
from llmbatch.core.layout import JobLayout, queue_uri
from llmbatch.core.progress import EtaSeconds, Progress
from llmbatch.core.states import Phase
from llmbatch.core.store import ObjectStore

TRIES = 20
MOST_JOBS = 500
"""Jobs kept; those due last go beyond the bound."""
FRESH = timedelta(minutes=2)
"""A heartbeat that is older says nothing of what is left."""
REST = timedelta(minutes=20)
"""So long a generation that failed may wait for the next one; longer than Airflow's pauses between retries."""
GONE = timedelta(hours=1)
"""So long after its deadline a job without a sign of life is forgotten."""

_log = logging.getLogger(__name__)


def change_queue(
    base_uri: str, store: ObjectStore, change: Callable[[tuple[QueuedJob, ...]], tuple[QueuedJob, ...]]
) -> None:
    """Replace the queued jobs by what ``change`` makes of them; nothing is written if that is the same.

    ``change`` is called again with the new queue whenever somebody else was faster.

    Raises:
        StoreError: the store failed, or others were faster twenty times.
    """
    uri = queue_uri(base_uri)
    for attempt in range(TRIES):
        try:
            old, etag = _read(uri, store)
            jobs = tuple(sorted(change(old.jobs), key=lambda job: (job.deadline, job.job_id)))[:MOST_JOBS]
            if jobs == old.jobs:
                return
            body = AdmissionQueue(jobs=jobs).model_dump_json(indent=1).encode()
            if etag is None:
                store.create(uri, body)
            else:
                store.replace(uri, body, etag)
        except (ObjectExists, ObjectChanged, ObjectMissing) as error:
            if isinstance(error, ObjectMissing) and etag is None:
                raise  # no bucket
            time.sleep(random.uniform(0, min(0.5, 0.02 * 2**attempt)))
            continue
        return
    raise StoreError(f"{uri} was changed by others {TRIES} times in a row; try again.")


def queued_jobs(base_uri: str, store: ObjectStore) -> tuple[QueuedJob, ...]:
    """Return the queue as it is now."""
    return _read(queue_uri(base_uri), store)[0].jobs


def leave_queue(base_uri: str, job_id: str, store: ObjectStore) -> None:
    """Take a job out of the queue. A store that fails is only a warning: who comes next finds that the job is over."""
    try:
        change_queue(base_uri, store, lambda jobs: tuple(job for job in jobs if job.job_id != job_id))
    except StoreError as error:
        _log.warning("event=leave_queue_failed job_id=%s reason=%s", job_id, error)


def as_it_stands(job: QueuedJob, store: ObjectStore, now: datetime) -> QueuedJob | None:
    """Return what a queued job still has to do, None if it is over.

    It is over once it is published or has committed its last shard, has rested long after it failed or was stopped,
    or shows no sign of life long after its deadline. What is left is that of a fresh heartbeat, else of the promise.
    """
    layout = JobLayout(job.root_uri)
    try:
        store.head(layout.manifest)
    except ObjectMissing:
        pass
    else:
        return None
    progress = _progress(layout, store)
    if progress is None:
        return job if now < job.deadline + GONE else None
    age = now - progress.written_at
    if progress.phase.is_terminal:
        return None if progress.phase is Phase.DONE or age > REST else job
    if age > FRESH:
        return job if now < max(job.deadline, progress.written_at) + GONE else None
    if progress.eta is None:
        return job
    passed = max(0.0, age.total_seconds())
    left = EtaSeconds(**{name: max(0.0, value - passed) for name, value in progress.eta.model_dump().items()})
    return job.model_copy(update={"eta": left, "replicas": max(1, progress.replicas.live)})


def _read(uri: str, store: ObjectStore) -> tuple[AdmissionQueue, str | None]:
    """Return the queue and its version; an empty one, and None, where there is none."""
    try:
        # Written over in between, the body is newer than the version: then replacing that version is refused.
        info, body = store.head(uri), store.get(uri)
    except ObjectMissing:
        return AdmissionQueue(), None
    try:
        return AdmissionQueue.model_validate_json(body), info.etag
    except ValidationError as error:
        _log.warning("event=queue_unreadable uri=%s problems=%d; an empty queue replaces it", uri, error.error_count())
        return AdmissionQueue(), info.etag


def _progress(layout: JobLayout, store: ObjectStore) -> Progress | None:
    try:
        return Progress.model_validate_json(store.get(layout.progress))
    except ObjectMissing:
        return None
    except ValidationError as error:
        _log.warning("event=progress_unreadable uri=%s problems=%d", layout.progress, error.error_count())
        return None
