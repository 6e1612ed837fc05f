"""What one listing tells about the job folders: how large, finished or not, and when last touched.

All times are the store's own times of writing. A heartbeat, a claim, a committed shard: each is a sign of life, and a
job that was restored from a backup counts from then on.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from llmbatch.core.errors import ObjectMissing
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectInfo, ObjectStore

_JOB_ID = re.compile(r"job-[0-9a-f]{16}")
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
        """Add objects up."""
        total = cls()
        for info in objects:
            total += cls(1, info.size)
        return total


@dataclass(frozen=True)
class JobFolder:
    """One job folder.

    ``finished_at`` is null without ``manifest.json`` (of a dry run: ``dry_run.json``); ``is_accepted`` tells of
    ``spec.json``. ``deadline`` and ``needs`` (the jobs that this one retries, with those that they retried) are known
    of unfinished jobs only.
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


def job_folders(store: ObjectStore, base_uri: str) -> Iterator[JobFolder]:
    """Yield every job folder under ``<base_uri>/jobs/``. What is not named as a job is left out.

    Costs one request a thousand objects and one for each unfinished job.
    """
    prefix = f"{base_uri}/jobs/"
    for job_id, objects in groupby(store.list(prefix), key=lambda info: info.uri[len(prefix) :].partition("/")[0]):
        if _JOB_ID.fullmatch(job_id):
            yield _folder(store, JobLayout(f"{prefix}{job_id}"), objects)


def job_folder(store: ObjectStore, root: str) -> JobFolder:
    """Return one job folder as it is now, perhaps an empty one."""
    return _folder(store, JobLayout(root), store.list(f"{root}/"))


def leftovers(layout: JobLayout, objects: Iterable[ObjectInfo]) -> list[ObjectInfo]:
    """Return what only generations that are over needed: claims but the last, crash records, the probe."""
    claims: list[ObjectInfo] = []
    found: list[ObjectInfo] = []
    for info in objects:
        if info.uri.startswith(layout.claims):
            claims.append(info)
        elif info.uri.startswith(layout.crashes) or info.uri == layout.probe:
            found.append(info)
    claims.sort(key=lambda info: layout.generation_of(info.uri))
    return found + claims[:-1]


class _Promise(BaseModel):
    """The two facts of ``spec.json`` that matter here, in whatever version wrote it."""

    model_config = ConfigDict(extra="ignore")

    deadline: AwareDatetime
    retry_of: str | None = None


def _folder(store: ObjectStore, layout: JobLayout, objects: Iterable[ObjectInfo]) -> JobFolder:
    total, shards = Amount(), Amount()
    touched, finished, accepted = datetime.min.replace(tzinfo=UTC), None, False
    small: list[ObjectInfo] = []
    for info in objects:
        amount = Amount(1, info.size)
        modified = info.modified or datetime.now(UTC)  # unknown must never look old
        total, touched = total + amount, max(touched, modified)
        if layout.shard_of(info.uri) is None:
            small.append(info)
        elif info.uri.startswith(layout.staged):
            shards += amount
        if info.uri in {layout.manifest, layout.dry_run}:
            finished = modified
        accepted = accepted or info.uri == layout.spec
    promise = _promise(store, layout) if accepted and finished is None else None
    return JobFolder(
        job_id=layout.root.rsplit("/", 1)[-1],
        root=layout.root,
        touched_at=touched,
        finished_at=finished,
        is_accepted=accepted,
        total=total,
        staged_shards=shards,
        leftovers=Amount.of(leftovers(layout, small)),
        deadline=promise.deadline if promise else None,
        needs=_ancestors(store, promise) if promise else frozenset(),
    )


def _ancestors(store: ObjectStore, promise: _Promise) -> frozenset[str]:
    """Return the ids of the jobs that a retry still reads: the whole chain behind it."""
    found: set[str] = set()
    following: _Promise | None = promise
    while following is not None and following.retry_of is not None:
        found.add(following.retry_of.rsplit("/", 1)[-1])
        following = _promise(store, JobLayout(following.retry_of))
    return frozenset(found)


def _promise(store: ObjectStore, layout: JobLayout) -> _Promise | None:
    try:
        return _Promise.model_validate_json(store.get(layout.spec))
    except ObjectMissing:
        return None
    except ValidationError as error:
        _log.warning(
            "event=spec_unreadable uri=%s problems=%d; its deadline is not known", layout.spec, error.error_count()
        )
        return None
