"""The jobs of a report, read from the store."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from llmbatch.core.errors import ForeignManifest, ObjectMissing
from llmbatch.core.eta.trace import TracePoint
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import JobManifest, read_manifest
from llmbatch.core.progress import Progress
from llmbatch.core.read_ahead import in_order
from llmbatch.core.sla_status import JobStatus, status_of
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.history.job_report import MOST_ESTIMATES, SlaReport
from llmbatch.orchestrator.history.traces import read_traces, thinned
from llmbatch.orchestrator.jobs.index import stored_jobs

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


@dataclass(frozen=True)
class _Folder:
    layout: JobLayout
    touched_at: datetime
    is_reported: bool


def collect(base_uri: str, store: ObjectStore, *, most: int, now: datetime) -> Collected:
    """Read the newest ``most`` finished jobs and as many open ones.

    Costs one request for each 1000 objects under ``<base_uri>/jobs/``, one for each finished job and four for each open
    one. Unreadable objects are logged and left out.

    Raises:
        StoreError: the store failed.
    """
    folders = sorted(_folders(base_uri, store), key=lambda each: each.touched_at, reverse=True)
    reported = [folder for folder in folders if folder.is_reported]
    others = [folder for folder in folders if not folder.is_reported]

    def reading(folder: _Folder) -> SlaReport | None:
        return _part(SlaReport, folder.layout.sla, store)

    def looking(folder: _Folder) -> OpenJob | None:
        return _open_job(folder.layout, store, now)

    finished = in_order(reading, reported[:most], in_flight=IN_FLIGHT, name="sla-report")
    found = in_order(looking, others[:most], in_flight=IN_FLIGHT, name="sla-report")
    return Collected(
        finished=tuple(sorted((job for job in finished if job), key=lambda job: (job.finished_at, job.job_id))),
        open=tuple(sorted((job for job in found if job), key=lambda job: (job.status.deadline, job.status.job_id))),
        left_out=max(0, len(reported) - most) + max(0, len(others) - most),
    )


def _folders(base_uri: str, store: ObjectStore) -> list[_Folder]:
    found = []
    for layout, objects in stored_jobs(base_uri, store):
        own = {info.uri: info.modified for info in objects if info.uri in {layout.spec, layout.sla}}
        if own:
            touched = own.get(layout.sla) or own.get(layout.spec) or datetime.min.replace(tzinfo=UTC)
            found.append(_Folder(layout, touched, layout.sla in own))
    return found


def _open_job(layout: JobLayout, store: ObjectStore, now: datetime) -> OpenJob | None:
    spec = _part(JobSpec, layout.spec, store)
    if spec is None or spec.request.dry_run:
        return None  # a dry run processes no rows
    manifest = _manifest(layout, store)
    progress = _part(Progress, layout.progress, store)
    points = tuple(point for trace in read_traces(store, layout) for point in trace.points)
    return OpenJob(
        status=status_of(spec, progress, manifest.sla.finished_at if manifest else None, now),
        submitted_at=spec.created_at,
        estimates=thinned(points, MOST_ESTIMATES),
    )


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
        return kind.model_validate_json(store.get(uri))
    except ObjectMissing:
        return None
    except ValidationError as error:
        _log.warning(
            "event=object_unreadable uri=%s problems=%d; it is left out of the report", uri, error.error_count()
        )
        return None
