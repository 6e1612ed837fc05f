"""The rows that did not succeed, by class: how many, what the class means, and some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from llmbatch.core.manifest import JobManifest
from llmbatch.core.progress import Progress
from llmbatch.core.states import ErrorClass, RowState
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.pages.job.readings import JobReadings
from llmbatch.gateway.pages.job.samples import Sample

EXPLANATIONS: Final[Mapping[str, str]] = {
    ErrorClass.INVALID: "The row cannot be read, or its request is not valid. Repair it in the input; a retry does not "
    "help.",
    ErrorClass.TOO_LONG: "The prompt leaves no room for an answer. Shorten it, or use a model with a longer context.",
    ErrorClass.SCHEMA: "The answer does not fit the schema, or was cut off before its JSON was complete. Raise "
    "max_tokens, or simplify the schema.",
    ErrorClass.ENGINE: "The engine failed at the request. A retry may help.",
    ErrorClass.TIMEOUT: "The row got no answer within engine.row_timeout_seconds. A retry may help.",
    ErrorClass.POISON: "Engines died whenever they had the row, so it was set aside. Look at it before a retry.",
    RowState.EXPIRED: "The deadline passed before the row had an answer. A retry runs it again.",
    RowState.CANCELLED: "The job was cancelled before the row had an answer. A retry runs it again.",
}
"""What each class of errors, and each end without an answer, means."""

EARLIER: Final = "of earlier jobs"
UNCOUNTED: Final = "of unknown class"
_OTHERS: Final[Mapping[str, str]] = {
    EARLIER: "These rows failed in the jobs that this one retries, and did not run again.",
    UNCOUNTED: "No heartbeat has the class of these rows. The errors file has them.",
}


@dataclass(frozen=True)
class ErrorGroup:
    """The rows of one class. ``share`` is of all rows of the job, 0 to 1; None while their number is unknown."""

    name: str
    rows: int
    share: float | None
    explanation: str
    samples: tuple[Sample, ...] = ()


def groups_of(
    progress: Progress | None, proof: JobManifest | None, samples: Sequence[Sample]
) -> tuple[ErrorGroup, ...]:
    """Return the groups, the largest first.

    Args:
        progress: the last heartbeat, which counts failed rows by class.
        proof: the manifest, which counts the rows of the merged whole; None before the job is published.
        samples: failed rows; none for a caller who may not read them.
    """
    counts: dict[str, int] = {each.value: rows for each, rows in (progress.dead_letters if progress else {}).items()}
    total = 0
    if proof is not None:
        total = proof.rows.input
        counts[RowState.EXPIRED], counts[RowState.CANCELLED] = proof.rows.expired, proof.rows.cancelled
        failed = sum(counts.get(each, 0) for each in ErrorClass)
        counts[EARLIER if proof.retry_of else UNCOUNTED] = max(0, proof.rows.failed - failed)
    elif progress is not None:
        total = progress.rows.total
        counts[RowState.EXPIRED], counts[RowState.CANCELLED] = progress.rows.expired, progress.rows.cancelled
    groups = [
        ErrorGroup(
            name=name,
            rows=rows,
            share=rows / total if total else None,
            explanation={**EXPLANATIONS, **_OTHERS}[name],
            samples=tuple(sample for sample in samples if sample.error_class == name),
        )
        for name, rows in counts.items()
        if rows
    ]
    return tuple(sorted(groups, key=lambda group: (-group.rows, group.name)))


def read_groups(
    found: FoundJob, documents: JobDocuments, readings: JobReadings, now: datetime, *, may_read: bool
) -> tuple[ErrorGroup, ...]:
    """Return the groups of a job, with samples for a caller who may read them. Blocks.

    Raises:
        StoreError: the store failed.
    """
    spec = found.spec
    if spec is None:
        return ()
    progress, proof = documents.progress(spec.job_id, now), documents.proof(spec.job_id)
    groups = groups_of(progress, proof, ())
    if not groups or not may_read:
        return groups
    return groups_of(progress, proof, readings.samples(spec, is_delivered=proof is not None))
