"""Which jobs run now, by their heartbeats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from pydantic import ValidationError

from llmbatch.core.errors import ObjectMissing
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import Progress
from llmbatch.core.staleness import NOT_RUNNING_SECONDS
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.folders import job_folders
from llmbatch.orchestrator.jobs.index import admission_queue


def running_jobs(store: ObjectStore, base_uri: str, now: datetime) -> Iterator[JobSpec]:
    """Yield the specs of the jobs under ``base_uri`` whose heartbeat is fresh and whose generation has not ended.

    Costs two requests for each job in the admission queue. Without a readable queue it lists the job folders: one
    request for each 1000 objects, one for each job, and two for each unfinished job with a recent write.

    Raises:
        StoreError: the store failed.
    """
    for root in dict.fromkeys(_roots(store, base_uri, now)):
        layout = JobLayout(root)
        try:
            progress = Progress.model_validate_json(store.get(layout.progress))
            if not progress.phase.is_terminal and progress.age(now) < NOT_RUNNING_SECONDS:
                yield JobSpec.model_validate_json(store.get(layout.spec))
        except (ObjectMissing, ValidationError):
            continue  # removed, not started, or written by another version


def _roots(store: ObjectStore, base_uri: str, now: datetime) -> Iterable[str]:
    queue, _ = admission_queue(base_uri, store)
    if queue is not None:
        return [job.root_uri for job in queue.jobs]
    fresh = now - timedelta(seconds=NOT_RUNNING_SECONDS)
    folders = (job for job in job_folders(store, base_uri, now) if job.finished_at is None and job.is_accepted)
    return [job.root for job in folders if job.touched_at >= fresh]
