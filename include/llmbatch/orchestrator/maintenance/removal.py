"""Carry out removals, each in an order in which no reader mistakes a part of a job for the whole.

An unfinished job is claimed first, so that a generation of it that resumes stops, and loses its request and the list
of its shards before anything else. The manifest of a finished job is removed last.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from llmbatch.core.claims import claim, last_claim
from llmbatch.core.clock import Clock
from llmbatch.core.config_sections import RetentionConfig
from llmbatch.core.errors import ObjectMissing, StoreError
from llmbatch.core.layout import JobLayout
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.day_index import indexed_jobs
from llmbatch.orchestrator.jobs.folders import Amount, job_folder, job_folders, leftovers
from llmbatch.orchestrator.maintenance.retention import Part, Removal, plan

OWNER = "retention"
"""Owner of the claim that fences off a removed job."""

MOST_FAILURES = 10
"""Failed removals after which a call ends: more of them are a failure of the store, not of single folders."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Expired:
    """What one call removed, or would remove."""

    removals: int
    amount: Amount


def expire(store: ObjectStore, base_uri: str, limits: RetentionConfig, clock: Clock, *, dry_run: bool) -> Expired:
    """Plan and remove; one line in the log for each removal. ``dry_run`` removes nothing.

    A removal that fails, such as that of a locked object, does not stop the others.
    Entries of the index of jobs whose job is gone are removed, too; they are not counted.

    Raises:
        StoreError: jobs could not be listed, or removals failed; the next call continues.
    """
    indexed = list(indexed_jobs(base_uri, store))  # before the folders: a job is noted once its folder is there
    folders = list(job_folders(store, base_uri, clock.now()))
    removals = plan(folders, limits, clock.now())
    forgotten = any(removal.part.is_whole_job for removal in removals)
    records = idempotency_records(store, base_uri) if forgotten and not dry_run else {}
    done, failures = Expired(0, Amount()), list[StoreError]()
    present = {folder.job_id for folder in folders if folder.is_accepted}
    for removal in removals:
        try:
            is_done = dry_run or remove(removal, records.get(removal.job_id, ()), store, clock)
        except StoreError as error:
            _log.warning("event=removal_failed %s error=%s", removal.line(), error)
            failures.append(error)
            if len(failures) == MOST_FAILURES:
                break
            continue
        if not is_done:
            _log.info("event=kept %s; it changed after the plan was made", removal.line())
            continue
        _log.info("event=removal action=%s %s", "would_remove" if dry_run else "removed", removal.line())
        done = Expired(done.removals + 1, done.amount + removal.amount)
        if removal.part.is_whole_job:
            present.discard(removal.job_id)
    for job in indexed:
        if job.job_id not in present:
            _log.info("event=index_entry action=%s job_id=%s", "would_remove" if dry_run else "removed", job.job_id)
            store.delete_many(() if dry_run else job.entries)
    if failures:
        raise StoreError(f"{len(failures)} of {len(removals)} removals failed; the first: {failures[0]}")
    return done


def remove(removal: Removal, records: Iterable[str], store: ObjectStore, clock: Clock) -> bool:
    """Remove one thing unless its folder was touched since it was planned. Return whether it was removed.

    Args:
        removal: what to remove.
        records: addresses of the job's idempotency records; they go with the whole job only.
        store: where the job is.
        clock: for the time of the claim.
    """
    layout = JobLayout(removal.root)
    fresh = job_folder(store, removal.root, clock.now())
    if fresh.touched_at > removal.touched_at:
        return False
    match removal.part:
        case Part.STAGED:
            _delete(store, layout.staged, but={layout.staged_manifest})
        case Part.LEFTOVERS:
            store.delete_many([info.uri for info in leftovers(layout, store.list(f"{layout.root}/"))])
        case Part.REMAINS:
            _delete(store, f"{layout.root}/")
        case Part.FINISHED:
            store.delete_many(records)
            _delete(store, layout.staged)
            _delete(store, f"{layout.root}/", but={layout.spec, layout.manifest})
            store.delete(layout.spec)
            store.delete(layout.manifest)
        case Part.ABANDONED:
            return _remove_abandoned(layout, records, store, clock)
    return True


def _remove_abandoned(layout: JobLayout, records: Iterable[str], store: ObjectStore, clock: Clock) -> bool:
    """Fence the job off, then empty its folder. The fence stays until the remains are removed."""
    mine = claim(store, layout, owner=OWNER, now=clock.now())
    if last_claim(store, layout) > mine.generation:
        return False
    store.delete_many(records)
    store.delete(layout.staged_manifest)
    store.delete(layout.spec)
    _delete(store, f"{layout.root}/", but={layout.claim(mine.generation)})
    return True


class _Record(BaseModel):
    """The used part of an idempotency record."""

    model_config = ConfigDict(extra="ignore")

    job_id: str


def idempotency_records(store: ObjectStore, base_uri: str) -> Mapping[str, tuple[str, ...]]:
    """Return the addresses of ``<base_uri>/idempotency/*.json`` by job id. One request for each record."""
    found: dict[str, tuple[str, ...]] = {}
    for info in store.list(f"{base_uri}/idempotency/"):
        try:
            job_id = _Record.model_validate_json(store.get(info.uri)).job_id
        except (ObjectMissing, ValidationError) as error:
            _log.warning("event=idempotency_record_unreadable uri=%s error=%s", shown(info.uri), type(error).__name__)
            continue
        found[job_id] = (*found.get(job_id, ()), info.uri)
    return found


def _delete(store: ObjectStore, prefix: str, but: frozenset[str] | set[str] = frozenset()) -> None:
    store.delete_many(info.uri for info in store.list(prefix) if info.uri not in but)
