"""Which jobs are running now, as far as the store can tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, ValidationError

from llmbatch.core.errors import ObjectMissing
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout, queue_uri
from llmbatch.core.progress import Progress
from llmbatch.core.staleness import NOT_RUNNING_SECONDS
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.folders import job_folders


class _Entry(BaseModel):
    model_config = ConfigDict(extra="ignore")

    root_uri: str


class _Queue(BaseModel):
    """What matters here of the queue of admitted jobs."""

    model_config = ConfigDict(extra="ignore")

    jobs: tuple[_Entry, ...] = ()


def running_jobs(store: ObjectStore, base_uri: str, now: datetime) -> Iterator[JobSpec]:
    """Yield the specs of the jobs under ``base_uri`` whose heartbeat is fresh and whose generation has not ended.

    Costs two requests for each admitted job that is not over. Without a queue of admitted jobs the job folders are
    listed, which is one request a thousand objects, and two for each unfinished job that was touched lately.
    """
    for root in dict.fromkeys(_roots(store, base_uri, now)):
        layout = JobLayout(root)
        try:
            progress = Progress.model_validate_json(store.get(layout.progress))
            if not progress.phase.is_terminal and progress.age(now) < NOT_RUNNING_SECONDS:
                yield JobSpec.model_validate_json(store.get(layout.spec))
        except (ObjectMissing, ValidationError):
            continue  # gone, not begun, or of another version


def _roots(store: ObjectStore, base_uri: str, now: datetime) -> Iterable[str]:
    try:
        return [job.root_uri for job in _Queue.model_validate_json(store.get(queue_uri(base_uri))).jobs]
    except ObjectMissing:
        fresh = now - timedelta(seconds=NOT_RUNNING_SECONDS)
        folders = (job for job in job_folders(store, base_uri) if job.finished_at is None and job.is_accepted)
        return [job.root for job in folders if job.touched_at >= fresh]
