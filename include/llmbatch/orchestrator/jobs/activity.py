"""Which jobs run now, by their heartbeats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from pydantic import ValidationError

from llmbatch.core.errors import ObjectMissing, SpecError
from llmbatch.core.heartbeat import read_heartbeat
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import is_published
from llmbatch.core.staleness import NOT_RUNNING_SECONDS
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.day_index import indexed_jobs
from llmbatch.orchestrator.jobs.documents import read_spec
from llmbatch.orchestrator.jobs.index import admission_queue


def running_jobs(store: ObjectStore, base_uri: str, now: datetime) -> Iterator[JobSpec]:
    """Yield the specs of the unpublished jobs under ``base_uri`` whose heartbeat is fresh and says that they run.

    Costs one request for each job in the admission queue, three for one that runs. Without a readable queue it reads
    the index of jobs: one request for each 1000 entries, and as many as above for each job without a report.

    Raises:
        StoreError: the store failed.
    """
    for root in dict.fromkeys(_roots(store, base_uri)):
        layout = JobLayout(root)
        try:
            progress = read_heartbeat(store, layout, now)
            if progress is None or progress.phase.is_terminal or progress.age(now) >= NOT_RUNNING_SECONDS:
                continue
            if not is_published(layout, store):
                yield read_spec(root, store, is_strict=False)
        except (ObjectMissing, SpecError, ValidationError):
            continue  # removed, not started, or written by another version


def _roots(store: ObjectStore, base_uri: str) -> Iterable[str]:
    queue, _ = admission_queue(base_uri, store)
    if queue is not None:
        return [job.root_uri for job in queue.jobs]
    return [job.layout.root for job in indexed_jobs(base_uri, store) if not job.is_reported]
