"""Size, state and last write of each job folder, from one listing.

All times are the store's modification times. A heartbeat, a claim or a committed shard counts as activity. A job that
was restored from a backup counts as active since the restore.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from llmbatch.core.errors import ObjectMissing
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import is_published
from llmbatch.core.store import ObjectInfo, ObjectStore
from llmbatch.orchestrator.jobs.index import stored_jobs

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Amount:
    """A number of objects and their bytes."""

    objects: int = 0
    bytes: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.objects + other.objects, self.bytes + other.bytes)

    @classmethod
    def of(cls, objects: Iterable[ObjectInfo]) -> Amount:
        """Return the sum over objects."""
        total = cls()
        for info in objects:
            total += cls(1, info.size)
        return total


@dataclass(frozen=True)
class JobFolder:
    """One job folder.

    Attributes:
        touched_at: the latest modification time of an object.
        finished_at: that of ``manifest.json`` (dry run: ``dry_run.json``); None for an unfinished job. A manifest that
            is not this job's does not count.
        is_accepted: whether ``spec.json`` exists.
        deadline: None for a finished job, or without a readable ``spec.json``.
        needs: ids of the jobs whose rows this one retries, directly or through other retries; empty for a finished job.
    """

    job_id: str
    root: str
    touched_at: datetime
    finished_at: datetime | None
    is_accepted: bool
    total: Amount
    staged_shards: Amount
    leftovers: Amount
    deadline: datetime | None = None
    needs: frozenset[str] = frozenset()


def job_folders(store: ObjectStore, base_uri: str, now: datetime) -> Iterator[JobFolder]:
    """Yield every job folder under ``<base_uri>/jobs/``; folders with another name are skipped.

    Costs one request for each 1000 objects and one for each job. ``now`` stands for a time that the store does not
    report, so that such an object never counts as old. A folder that cannot be understood is logged and left out: it
    must not stop what is done with the others.

    Raises:
        StoreError: the store failed.
    """
    for layout, objects in stored_jobs(base_uri, store):
        try:
            yield _folder(store, layout, objects, now)
        except (ValueError, TypeError, LookupError) as error:
            _log.warning("event=folder_unreadable root=%s error=%s; it is left out", layout.root, error)


def job_folder(store: ObjectStore, root: str, now: datetime) -> JobFolder:
    """Return one job folder as it is now; it may be empty."""
    return _folder(store, JobLayout(root), store.list(f"{root}/"), now)


def leftovers(layout: JobLayout, objects: Iterable[ObjectInfo]) -> list[ObjectInfo]:
    """Return the objects that only ended generations needed: all claims but the last, crash records, the probe."""
    claims: dict[int, ObjectInfo] = {}
    found: list[ObjectInfo] = []
    for info in objects:
        number = layout.generation_of(info.uri)
        if number is not None:
            claims[number] = info
        elif info.uri.startswith(layout.crashes) or info.uri == layout.probe:
            found.append(info)
    return found + [claims[number] for number in sorted(claims)[:-1]]


class _Spec(BaseModel):
    """The two fields of ``spec.json`` that are needed here, of any version."""

    model_config = ConfigDict(extra="ignore")

    deadline: AwareDatetime
    retry_of: str | None = None


def _folder(store: ObjectStore, layout: JobLayout, objects: Iterable[ObjectInfo], now: datetime) -> JobFolder:
    total, shards = Amount(), Amount()
    touched, finished, accepted = datetime.min.replace(tzinfo=UTC), None, False
    small: list[ObjectInfo] = []
    for info in objects:
        amount = Amount(1, info.size)
        modified = info.modified or now
        total, touched = total + amount, max(touched, modified)
        if layout.shard_of(info.uri) is None:
            small.append(info)
        elif info.uri.startswith(layout.staged):
            shards += amount
        if info.uri == layout.dry_run or (info.uri == layout.manifest and _proves(layout, store)):
            finished = modified
        accepted = accepted or info.uri == layout.spec
    spec = _spec(store, layout) if accepted and finished is None else None
    return JobFolder(
        job_id=layout.job_id,
        root=layout.root,
        touched_at=touched,
        finished_at=finished,
        is_accepted=accepted,
        total=total,
        staged_shards=shards,
        leftovers=Amount.of(leftovers(layout, small)),
        deadline=spec.deadline if spec else None,
        needs=_ancestors(store, spec) if spec else frozenset(),
    )


def _proves(layout: JobLayout, store: ObjectStore) -> bool:
    if is_published(layout, store):
        return True
    _log.warning("event=foreign_manifest job_id=%s uri=%s; the job is unfinished", layout.job_id, layout.manifest)
    return False


def _ancestors(store: ObjectStore, spec: _Spec) -> frozenset[str]:
    """Return the ids of the jobs that a retry still reads: the whole chain before it."""
    found: set[str] = set()
    following: _Spec | None = spec
    while following is not None and following.retry_of is not None:
        earlier = JobLayout(following.retry_of)
        if earlier.job_id in found:
            break
        found.add(earlier.job_id)
        following = _spec(store, earlier)
    return frozenset(found)


def _spec(store: ObjectStore, layout: JobLayout) -> _Spec | None:
    try:
        return _Spec.model_validate_json(store.get(layout.spec))
    except ObjectMissing:
        return None
    except ValidationError as error:
        _log.warning(
            "event=spec_unreadable uri=%s problems=%d; its deadline is not known", layout.spec, error.error_count()
        )
        return None
