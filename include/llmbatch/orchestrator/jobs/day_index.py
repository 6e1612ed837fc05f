"""The index of jobs: two small objects for each job, by the day of its submission, to find jobs without their folders.

A job folder has one object for each shard, so a listing of all folders grows with the rows of all jobs. The index grows
with the number of jobs. ``accept`` notes a job after its spec is written, ``report`` after ``sla.json``. An entry may
outlive its folder until maintenance removes it, so every reader skips a job that is gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from llmbatch.core.errors import ObjectExists
from llmbatch.core.identity import JOB_ID_PATTERN
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout, index_uri
from llmbatch.core.store import ObjectInfo, ObjectStore

_ACCEPTED, _REPORTED = "accepted", "reported"
_NAME = re.compile(rf"[0-9-]+/({JOB_ID_PATTERN})\.({_ACCEPTED}|{_REPORTED})")


@dataclass(frozen=True)
class IndexedJob:
    """What the index has about one job; the times are those of the store."""

    layout: JobLayout
    touched_at: datetime
    is_reported: bool
    entries: tuple[str, ...]

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.layout.job_id


def note_accepted(spec: JobSpec, store: ObjectStore) -> None:
    """Enter an accepted job. A repeated call changes nothing."""
    _note(spec, _ACCEPTED, store)


def note_reported(spec: JobSpec, store: ObjectStore) -> bool:
    """Note that the job has a report; return whether this call did. A repeated call changes nothing."""
    return _note(spec, _REPORTED, store)


def indexed_jobs(base_uri: str, store: ObjectStore) -> Iterator[IndexedJob]:
    """Yield every job of the index, the earliest day first. Costs one request for each 1000 entries.

    Raises:
        StoreError: the store failed.
    """
    prefix = index_uri(base_uri)

    def job_of(info: ObjectInfo) -> str | None:
        found = _NAME.fullmatch(info.uri.removeprefix(prefix))
        return found and found.group(1)

    for job_id, group in groupby(store.list(prefix), key=job_of):
        if job_id is None:
            continue
        infos = list(group)
        last = infos[-1]  # "accepted" sorts before "reported"
        yield IndexedJob(
            layout=JobLayout.of(base_uri, job_id),
            touched_at=last.modified or datetime.min.replace(tzinfo=UTC),
            is_reported=last.uri.endswith(_REPORTED),
            entries=tuple(info.uri for info in infos),
        )


def _note(spec: JobSpec, state: str, store: ObjectStore) -> bool:
    day = spec.created_at.astimezone(UTC).date().isoformat()
    try:
        store.create(f"{index_uri(spec.layout.base)}{day}/{spec.job_id}.{state}", f"{spec.root_uri}\n".encode())
    except ObjectExists:
        return False
    return True
