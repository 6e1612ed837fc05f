"""Staged and result shards as Parquet: read rows, write outcomes, read the tally of a committed shard."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.core.errors import StoreError
from llmbatch.core.rows import META_KEY, RESULT_COLUMNS, STAGED_COLUMNS, ResultRow, StagedRow
from llmbatch.core.shards import ShardTally, StagedShard
from llmbatch.core.store import ObjectInfo, ObjectStore
from llmbatch.core.stored import read_document

if TYPE_CHECKING:
    import pyarrow as pa

_TAIL_BYTES = 32 * 1024
"""A result shard's footer is smaller than this, so that its tally costs one request."""


def read_staged(body: bytes) -> list[StagedRow]:
    """Return the rows of a staged shard in input order."""
    import pyarrow.parquet as pq

    names = [name for name, _ in STAGED_COLUMNS]
    table = pq.read_table(io.BytesIO(body), columns=names, use_threads=False)
    columns = [table.column(name).to_pylist() for name in names]
    return [StagedRow(*values) for values in zip(*columns, strict=True)]


def read_staged_shard(job: JobContext, shard: StagedShard) -> list[StagedRow]:
    """Return the rows of a staged shard in input order. Raises ``StoreError``."""
    with job.store.open_stream(job.layout.staged_shard(shard.shard_id), shard.etag) as stream:
        return read_staged(stream.read())


def write_results(rows: Sequence[ResultRow], tally: ShardTally) -> bytes:
    """Return the one object that commits a shard. Its schema is the same for every shard of every job."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = result_schema().with_metadata({META_KEY: tally.model_dump_json().encode()})
    arrays = [pa.array([getattr(row, field.name) for row in rows], field.type) for field in schema]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), sink, compression="zstd")
    return sink.getvalue()


def result_schema() -> pa.Schema:
    """Return the Arrow schema of result shards, without metadata."""
    import pyarrow as pa

    return pa.schema([pa.field(name, kind) for name, kind in RESULT_COLUMNS])


def read_tally(store: ObjectStore, shard: ObjectInfo) -> ShardTally:
    """Return the counters of a committed shard from the last bytes of its object.

    Raises:
        StoreError: the object is not a result shard.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    start = max(0, shard.size - _TAIL_BYTES)
    tail = store.read_range(shard.uri, shard.etag, start, shard.size - start)
    footer = int.from_bytes(tail[-8:-4], "little") + 8
    if footer > len(tail):
        start = max(0, shard.size - footer)
        tail = store.read_range(shard.uri, shard.etag, start, shard.size - start)
    try:
        metadata = pq.read_schema(io.BytesIO(tail)).metadata or {}
        return read_document(ShardTally, metadata[META_KEY])
    except (KeyError, ValueError, pa.ArrowException) as error:
        raise StoreError(f"{shard.uri} is not a result shard of llmbatch: {error}") from error
