"""``manifest.json``: the proof that every input row ended exactly once, and how."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from llmbatch.core.alerts import Level
from llmbatch.core.errors import ForeignManifest, ObjectMissing
from llmbatch.core.job_spec import InputObject
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import is_later, read_document, reason_of


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class ModelRecord(_Part):
    """The model that the request names. ``digest`` is that of the files that answered; null if unknown or several."""

    name: str
    uri: str
    digest: str | None = None


class InputRecord(_Part):
    """What was read. ``invalid_rows`` of the ``rows`` could not be, and never reached an engine.

    ``ids_repeat``: the column ``id`` names several rows alike, so rows are delivered without ``custom_id``.
    ``sampled_of``: the request has ``sample_rows``, and ``rows`` are a sample of so many; null: all rows.
    ``columns_dropped``: rows delivered without the input's own columns, which are too large or cannot be read.
    """

    uri: str
    objects: tuple[InputObject, ...]
    rows: int
    invalid_rows: int = 0
    ids_repeat: bool = False
    sampled_of: int | None = None
    columns_dropped: int = 0


class RowRecord(_Part):
    """Rows by outcome; ``input`` is their sum."""

    input: int
    succeeded: int
    failed: int
    expired: int = 0
    cancelled: int = 0
    deduplicated: int = 0


class TokenRecord(_Part):
    """Tokens of all committed rows; ``cached`` ones are of the prompts, ``reasoning`` ones of the completions."""

    prompt: int
    completion: int
    cached: int
    reasoning: int = 0


class ShardRecord(_Part):
    """One committed shard."""

    shard_id: str
    rows: int
    key: str
    etag: str
    generation: int


class OutputRecord(_Part):
    """One delivered object."""

    uri: str
    rows: int
    etag: str


class LevelChange(_Part):
    """From when on a job had a level."""

    at: AwareDatetime
    level: Level
    reason: str = ""
    """What the prediction depended on most."""


class SlaRecord(_Part):
    """The deadline compared with the finish. ``levels`` begins with ``ok`` at the submission."""

    deadline: AwareDatetime
    finished_at: AwareDatetime
    met: bool
    levels: tuple[LevelChange, ...] = ()


class CostRecord(_Part):
    """What the job's replicas took, of all its generations, from their load to their end.

    ``gpu_hours`` is 0 on CPUs. ``usd`` is null where no price is configured, and that of a million tokens (prompt and
    completion) also for a retry, whose tokens are counted with those of the jobs before it.
    """

    replica_hours: float
    gpu_hours: float
    usd: float | None = None
    usd_per_million_tokens: float | None = None


class JobManifest(_Part):
    """The last write of a job. Its existence means success.

    With ``retry_of`` (the root of the job whose rows were run again) ``input``, ``rows``, ``tokens``, ``missing`` and
    ``duplicates`` are those of the merged whole; ``shards`` are the retry's own. ``models`` counts the rows that
    succeeded by the name of the model that answered: more than one after a fallback, or in a merged whole. ``digests``
    are those of their files by name, in the job's own shards: more than one if a model was replaced while the job ran.
    """

    schema_version: int = 1
    job_id: str
    model: ModelRecord
    models: dict[str, int] = {}
    digests: dict[str, tuple[str, ...]] = {}
    versions: dict[str, str]
    input: InputRecord
    rows: RowRecord
    missing: int
    duplicates: int
    tokens: TokenRecord
    shards: tuple[ShardRecord, ...]
    outputs: tuple[OutputRecord, ...]
    timing: dict[str, float]
    sla: SlaRecord
    cost: CostRecord | None = None
    retry_of: str | None = None


@dataclass(frozen=True)
class Discrepancy:
    """What a comparison of row ids found."""

    missing: int
    duplicates: int
    example: str | None


def compare_row_ids(staged: Iterable[str], committed: Iterable[str]) -> Discrepancy:
    """Compare the ids of one shard. Staged a,b,c against committed a,a,d: 2 missing (b,c), 2 duplicates (a again, d).

    A committed id that was never staged counts as a duplicate: it belongs to another shard, or to none.
    """
    expected = set(staged)
    seen: set[str] = set()
    duplicates: list[str] = []
    for row_id in committed:
        if row_id in seen or row_id not in expected:
            duplicates.append(row_id)
        seen.add(row_id)
    missing = sorted(expected - seen)
    example = next(iter([*missing[:1], *duplicates[:1]]), None)
    return Discrepancy(len(missing), len(duplicates), example)


def read_manifest(layout: JobLayout, store: ObjectStore) -> JobManifest:
    """Return the proof of the job in a folder; no other code reads one.

    Raises:
        ObjectMissing: the job is not published.
        ForeignManifest: the object is another job's manifest, or cannot be read.
        StoreError: the store failed.
    """
    body = _own_manifest(layout, store)
    try:
        return read_document(JobManifest, body)
    except ValidationError as error:
        raise _unreadable(layout, error) from None


def is_published(layout: JobLayout, store: ObjectStore) -> bool:
    """Whether the job in a folder has its proof, of whatever version; a foreign one does not count.

    Raises:
        StoreError: the store failed.
    """
    try:
        _own_manifest(layout, store)
    except (ObjectMissing, ForeignManifest):
        return False
    return True


class _Owner(BaseModel):
    """The one field of a manifest that says whose it is, of any version."""

    job_id: str


def _own_manifest(layout: JobLayout, store: ObjectStore) -> bytes:
    body = store.get(layout.manifest)
    try:
        owner = read_document(_Owner, body).job_id
    except ValidationError as error:
        raise _unreadable(layout, error) from None
    if owner != layout.job_id:
        raise ForeignManifest(layout.manifest, layout.job_id, f"it is that of {owner!r}")
    return body


def _unreadable(layout: JobLayout, error: ValidationError) -> ForeignManifest:
    fix = "Upgrade llmbatch here; leave the object as it is." if is_later(error) else ""
    return ForeignManifest(layout.manifest, layout.job_id, f"it cannot be read: {reason_of(error)}", fix)
