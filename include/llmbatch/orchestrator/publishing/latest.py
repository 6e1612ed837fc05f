"""``<output_uri>/latest.json``: which of the jobs that deliver to one ``output_uri`` finished last.

Each job delivers into its own folder ``<output_uri>/<job_id>/``; this object is the only one that they share. It is
written after the proof by compare-and-swap, so that of several jobs the one with the latest finish stays.
"""

from __future__ import annotations

import logging
import random
import time

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from llmbatch.core.errors import ObjectChanged, ObjectExists, ObjectMissing, StoreDenied, StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import JobManifest
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document

TRIES = 20
MOST_BYTES = 64 * 1024
"""A larger object is not read: it is not one of ours."""

_log = logging.getLogger(__name__)


class Latest(BaseModel):
    """The newest job of an ``output_uri``, where it delivered, and its proof."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    job_id: str
    output_uri: str
    manifest_uri: str
    finished_at: AwareDatetime

    def is_before(self, other: Latest) -> bool:
        """Whether the other job finished later; of two at the same time, the one with the greater id."""
        return (self.finished_at, self.job_id) < (other.finished_at, other.job_id)


def latest_uri(spec: JobSpec) -> str | None:
    """Return the address of the pointer; None for a job that delivers into its own folder."""
    target = spec.request.output_uri
    return None if target is None else f"{target.rstrip('/')}/latest.json"


def point_to_latest(spec: JobSpec, proof: JobManifest, store: ObjectStore) -> None:
    """Let the pointer name this job, unless a job that finished later is there.

    An object there that is not a pointer of llmbatch stays, with a warning: the job has its proof.

    Raises:
        StoreError: the store failed, or other jobs changed the pointer 20 times in a row. Call again.
    """
    uri = latest_uri(spec)
    if uri is None:
        return
    mine = Latest(
        job_id=spec.job_id,
        output_uri=spec.output_uri,
        manifest_uri=spec.layout.manifest,
        finished_at=proof.sla.finished_at,
    )
    for attempt in range(TRIES):
        try:
            _swap(uri, mine, store)
        except (ObjectExists, ObjectChanged, ObjectMissing):
            time.sleep(random.uniform(0, min(0.5, 0.02 * 2**attempt)))  # nosec B311 # spreads retries
        except StoreDenied as error:
            _log.warning("event=latest_denied job_id=%s uri=%s error=%s", spec.job_id, shown(uri), error)
            return
        else:
            return
    raise StoreError(f"{uri} was changed by other jobs {TRIES} times in a row; clear the task `publish`.")


def _swap(uri: str, mine: Latest, store: ObjectStore) -> None:
    body = mine.model_dump_json(indent=1).encode()
    try:
        # If it is replaced between the two requests, the body is newer than the ETag, whose replacement is refused.
        info = store.head(uri)
        there = read_document(Latest, store.get(uri) if info.size <= MOST_BYTES else b"")
    except ObjectMissing:
        store.create(uri, body)
        return
    except ValidationError:
        _log.warning(
            "event=latest_foreign job_id=%s uri=%s; it is not from llmbatch and stays", mine.job_id, shown(uri)
        )
        return
    if there.is_before(mine):
        store.replace(uri, body, info.etag)
