"""The shard plan: what was staged, what is committed, what remains."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from llmbatch.core.length_sums import LengthAnswers, LengthRows
from llmbatch.core.states import ErrorClass


class StagedShard(BaseModel):
    """One immutable input shard. ``invalid_rows`` of its ``rows`` could not be read and never reach an engine.

    ``lengths`` counts the others by length; a manifest of an earlier release has none, and its job no ETA.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shard_id: str
    rows: int
    invalid_rows: int
    input_chars: int
    etag: str
    lengths: LengthRows = ""


class StagedManifest(BaseModel):
    """All shards of a job in input order; written after the last of them.

    ``ids_repeat``: the ids were taken from a column ``id`` by default and do not name rows, so none is delivered.
    ``sampled_of``: rows of the whole input, of which the job's are a sample; null: the job has all rows.
    ``columns``: the input's own columns that come back with the answers, staged beside the shards.
    ``columns_dropped``: rows whose own columns do not come back, because they are too large or cannot be read.
    ``foreign_models``: rows of the whole input that name another model than the job's, which answers them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    job_id: str
    shards: tuple[StagedShard, ...]
    ids_repeat: bool = False
    sampled_of: int | None = None
    columns: tuple[str, ...] = ()
    columns_dropped: int = 0
    foreign_models: int = 0
    seconds: float

    @property
    def rows(self) -> int:
        """Input rows of the job."""
        return sum(shard.rows for shard in self.shards)

    @property
    def invalid_rows(self) -> int:
        """Rows that could not be read."""
        return sum(shard.invalid_rows for shard in self.shards)


class ShardTally(BaseModel):
    """Counters of one committed shard; kept in the metadata of its object, whose format has the same number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    shard_id: str
    generation: int
    rows: int
    succeeded: int
    failed: int
    expired: int = 0
    cancelled: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    errors: dict[ErrorClass, int] = {}
    """The failed rows by error class."""
    model: str = ""
    """Address of the model that answered; empty: of a version that did not say, or nothing was answered."""
    model_digest: str = ""
    """Digest of that model's files as the replica loaded them; empty: unknown, or nothing was answered."""
    lengths: LengthAnswers = ""


def remaining_shards(staged: Iterable[StagedShard], committed: Iterable[str]) -> tuple[StagedShard, ...]:
    """Return the shards without a committed result, in input order. Staged 0,1,2 with 1 committed leaves 0,2."""
    done = frozenset(committed)
    return tuple(shard for shard in staged if shard.shard_id not in done)
