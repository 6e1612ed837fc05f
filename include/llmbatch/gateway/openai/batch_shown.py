"""What clients have seen of a batch and must not see undone: its counts, and its end.

A generation that follows a killed one counts again from the committed shards, and retention removes the folder of a job
whose batch is still listed.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from llmbatch.core.errors import InputChanged, ObjectChanged, ObjectExists, ObjectMissing
from llmbatch.core.gateway_layout import batches_shown_uri
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document, report_unreadable
from llmbatch.gateway.openai.batch import Batch, RequestCounts
from llmbatch.gateway.openai.batch_records import BatchRecord

TRIES = 5


class BatchShown(BaseModel):
    """The highest counts so far; ``end`` is the batch as it ended."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    completed: int = 0
    failed: int = 0
    end: Batch | None = None

    def raised(self, counts: RequestCounts) -> RequestCounts:
        """Return counts that are nowhere below those of before, nor above the total."""
        completed = max(self.completed, counts.completed)
        failed = max(self.failed, counts.failed)
        return counts.model_copy(
            update={"completed": min(completed, counts.total), "failed": max(0, min(failed, counts.total - completed))}
        )


Version = tuple[BatchShown, str | None]
"""What was shown, and the version of the document; None if there is none."""


def shown_uri(base: str, record: BatchRecord) -> str:
    """Return the address of the document."""
    return f"{batches_shown_uri(base)}{record.id}.json"


def read_shown(store: ObjectStore, base: str, record: BatchRecord) -> Version:
    """Return what was shown, and the version of the document; None if there is none.

    Raises:
        StoreError: the store failed.
    """
    uri = shown_uri(base, record)
    try:
        etag = store.head(uri).etag
        body = store.get(uri)
    except ObjectMissing:
        return BatchShown(), None
    try:
        return read_document(BatchShown, body), etag
    except ValidationError as error:
        report_unreadable(uri, error.error_count())
        return BatchShown(), etag


def show_counts(
    store: ObjectStore, base: str, record: BatchRecord, counts: RequestCounts, known: Version | None = None
) -> RequestCounts:
    """Return the counts to show, after they are stored for all processes; nothing is written where none has risen.

    Args:
        store: where the document is.
        base: ``store.base_uri``.
        record: the batch.
        counts: as they are now.
        known: what ``read_shown`` returned a moment ago.

    Raises:
        StoreError: the store failed.
    """
    for _ in range(TRIES):
        shown, etag = known or read_shown(store, base, record)
        known = None
        raised = shown.raised(counts)
        risen = shown.model_copy(
            update={"completed": max(shown.completed, raised.completed), "failed": max(shown.failed, raised.failed)}
        )
        if risen == shown or _write(store, shown_uri(base, record), risen, etag):
            return raised
    return raised


def show_end(store: ObjectStore, base: str, record: BatchRecord, batch: Batch) -> Batch:
    """Store how a batch ended; return what is stored, by this or another process.

    Raises:
        StoreError: the store failed.
    """
    for _ in range(TRIES):
        shown, etag = read_shown(store, base, record)
        if shown.end is not None:
            return shown.end
        if _write(store, shown_uri(base, record), shown.model_copy(update={"end": batch}), etag):
            return batch
    return batch


def _write(store: ObjectStore, uri: str, shown: BatchShown, etag: str | None) -> bool:
    body = shown.model_dump_json().encode()
    try:
        if etag is None:
            store.create(uri, body)
        else:
            store.replace(uri, body, etag)
    except (ObjectExists, ObjectChanged, ObjectMissing, InputChanged):
        return False
    return True
