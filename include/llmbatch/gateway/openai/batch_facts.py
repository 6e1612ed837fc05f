"""What the folder of a batch's job says: a few small documents, of which only those are read that can matter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from llmbatch.core.batch_errors import BatchErrors, batch_errors_uri
from llmbatch.core.claims import last_claim
from llmbatch.core.control import Control
from llmbatch.core.errors import ForeignManifest, ObjectMissing, SpecError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import JobManifest, read_manifest
from llmbatch.core.progress import Progress
from llmbatch.core.shards import StagedManifest
from llmbatch.core.states import DesiredState
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_if_readable
from llmbatch.orchestrator.jobs.documents import read_spec
from llmbatch.orchestrator.steering.control import read_control


@dataclass(frozen=True)
class BatchFacts:
    """The stored state of one batch; None is what is not there (yet), or is not needed.

    Attributes:
        spec: the accepted job.
        staged_at: when all rows were staged, which is when the batch was found valid.
        rows: number of rows, before a heartbeat has it.
        progress: the last heartbeat.
        cancel_at: when a cancel was requested.
        is_untouched: whether the job is cancelled, and no generation has claimed it: then none will run a row.
        manifest: the proof.
        errors: why the input is not valid.
    """

    spec: JobSpec | None = None
    staged_at: datetime | None = None
    rows: int = 0
    progress: Progress | None = None
    cancel_at: datetime | None = None
    is_untouched: bool = False
    manifest: JobManifest | None = None
    errors: BatchErrors | None = None


def read_facts(layout: JobLayout, store: ObjectStore, *, is_over: bool) -> BatchFacts:
    """Read the folder of a job.

    Args:
        layout: the folder.
        store: where it is.
        is_over: whether the job's run has ended.

    Raises:
        StoreError: the store failed.
    """
    control, _ = read_control(store, layout)
    cancel_at = _cancel_at(control)
    spec = _spec(layout, store)
    if spec is None:
        return BatchFacts(cancel_at=cancel_at)
    staged_at = _written_at(layout.staged_manifest, store)
    if staged_at is None:
        errors = read_if_readable(BatchErrors, batch_errors_uri(layout), store) if is_over else None
        return BatchFacts(spec, cancel_at=cancel_at, errors=errors)
    progress = read_if_readable(Progress, layout.progress, store)
    staged = read_if_readable(StagedManifest, layout.staged_manifest, store) if progress is None else None
    may_be_published = is_over or (progress is not None and progress.phase.is_terminal)
    return BatchFacts(
        spec,
        staged_at,
        0 if staged is None else staged.rows,
        progress,
        cancel_at,
        cancel_at is not None and progress is None and last_claim(store, layout) == 0,
        _manifest(layout, store) if may_be_published else None,
    )


def _cancel_at(control: Control) -> datetime | None:
    return control.written_at if control.desired is DesiredState.CANCEL else None


def _spec(layout: JobLayout, store: ObjectStore) -> JobSpec | None:
    try:
        return read_spec(layout.root, store, is_strict=False)
    except (ObjectMissing, SpecError):
        return None


def _written_at(uri: str, store: ObjectStore) -> datetime | None:
    try:
        return store.head(uri).modified
    except ObjectMissing:
        return None


def _manifest(layout: JobLayout, store: ObjectStore) -> JobManifest | None:
    try:
        return read_manifest(layout, store)
    except (ObjectMissing, ForeignManifest):
        return None
