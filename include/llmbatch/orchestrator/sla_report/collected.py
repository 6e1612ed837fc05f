"""The jobs of a report, read from the store."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from llmbatch.core.errors import ForeignManifest, ObjectMissing, SpecError
from llmbatch.core.eta.trace import TracePoint
from llmbatch.core.heartbeat import read_heartbeat
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import JobManifest, read_manifest
from llmbatch.core.progress import Progress
from llmbatch.core.read_ahead import in_order
from llmbatch.core.shown import shown
from llmbatch.core.sla_status import JobStatus, status_of
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document
from llmbatch.orchestrator.history.job_report import MOST_ESTIMATES, SlaReport
from llmbatch.orchestrator.history.traces import read_traces, thinned
from llmbatch.orchestrator.jobs.day_index import IndexedJob, indexed_jobs
from llmbatch.orchestrator.jobs.documents import read_spec

IN_FLIGHT = 16
"""Reads at a time."""

_log = logging.getLogger(__name__)
Part = TypeVar("Part", bound=BaseModel)


@dataclass(frozen=True)
class OpenJob:
    """A job without ``sla.json``: running, stopped, or just published."""

    status: JobStatus
    submitted_at: datetime
    estimates: tuple[TracePoint, ...]


@dataclass(frozen=True)
class Collected:
    """Finished jobs by finish and open ones by deadline; ``left_out`` is the number of older ones over the limit."""

    finished: tuple[SlaReport, ...]
    open: tuple[OpenJob, ...]
    left_out: int


def collect(base_uri: str, store: ObjectStore, *, most: int, now: datetime) -> Collected:
    """Read the newest ``most`` finished jobs and as many open ones.

    Costs one request for each 1000 entries of the index of jobs, one for each finished job and four for each open one.
    Unreadable objects are logged and left out; jobs whose folder is gone are left out.

    Raises:
        StoreError: the store failed.
    """
    jobs = sorted(indexed_jobs(base_uri, store), key=lambda each: each.touched_at, reverse=True)
    reported = [job for job in jobs if job.is_reported]
    others = [job for job in jobs if not job.is_reported]

    def reading(job: IndexedJob) -> SlaReport | None:
        return _part(SlaReport, job.layout.sla, store)

    def looking(job: IndexedJob) -> OpenJob | None:
        return _open_job(job.layout, store, now)

    finished = in_order(reading, reported[:most], in_flight=IN_FLIGHT, name="sla-report")
    found = in_order(looking, others[:most], in_flight=IN_FLIGHT, name="sla-report")
    return Collected(
        finished=tuple(sorted((job for job in finished if job), key=lambda job: (job.finished_at, job.job_id))),
        open=tuple(sorted((job for job in found if job), key=lambda job: (job.status.deadline, job.status.job_id))),
        left_out=max(0, len(reported) - most) + max(0, len(others) - most),
    )


def _open_job(layout: JobLayout, store: ObjectStore, now: datetime) -> OpenJob | None:
    spec = _spec(layout, store)
    if spec is None or spec.request.dry_run:
        return None  # a dry run processes no rows
    manifest = _manifest(layout, store)
    progress = _progress(layout, store, now)
    points = tuple(point for trace in read_traces(store, layout) for point in trace.points)
    return OpenJob(
        status=status_of(spec, progress, manifest.sla.finished_at if manifest else None, now),
        submitted_at=spec.created_at,
        estimates=thinned(points, MOST_ESTIMATES),
    )


def _spec(layout: JobLayout, store: ObjectStore) -> JobSpec | None:
    try:
        return read_spec(layout.root, store, is_strict=False)
    except ObjectMissing:
        return None
    except SpecError as error:
        _log.warning("event=object_unreadable uri=%s error=%s; it is left out of the report", layout.spec, error)
        return None


def _manifest(layout: JobLayout, store: ObjectStore) -> JobManifest | None:
    try:
        return read_manifest(layout, store)
    except ObjectMissing:
        return None
    except ForeignManifest as error:
        _log.warning("event=foreign_manifest job_id=%s error=%s", layout.job_id, error)
        return None


def _part(kind: type[Part], uri: str, store: ObjectStore) -> Part | None:
    """Return one object of a job; None if it is missing or unreadable."""
    try:
        return read_document(kind, store.get(uri))
    except ObjectMissing:
        return None
    except ValidationError as error:
        _left_out(uri, error)
        return None


def _progress(layout: JobLayout, store: ObjectStore, now: datetime) -> Progress | None:
    try:
        return read_heartbeat(store, layout, now)
    except ValidationError as error:
        _left_out(layout.progress, error)
        return None


def _left_out(uri: str, error: ValidationError) -> None:
    _log.warning(
        "event=object_unreadable uri=%s problems=%d; it is left out of the report", shown(uri), error.error_count()
    )
