"""Rows to shards, and shards to deterministic Parquet bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter

import pyarrow as pa
import pyarrow.parquet as pq

from llmbatch.core.errors import ObjectMissing
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.rows import STAGED_COLUMNS, StagedRow
from llmbatch.core.shards import StagedManifest
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document

STAGED_SCHEMA = pa.schema([(name, pa.type_for_alias(alias)) for name, alias in STAGED_COLUMNS])

_GETTERS = [attrgetter(name) for name, _ in STAGED_COLUMNS]
_ROW_OVERHEAD_BYTES = 64


def cut_shards(rows: Iterable[StagedRow], max_rows: int, max_bytes: int) -> Iterator[list[StagedRow]]:
    """Yield consecutive rows, at most ``max_rows`` and ``max_bytes`` of requests at a time; no shard is empty.

    Five rows with ``max_rows`` 2 make shards of 2, 2 and 1. A row larger than ``max_bytes`` is a shard of one row.
    """
    shard: list[StagedRow] = []
    size = 0
    for row in rows:
        row_size = len(row.request.encode("utf-8")) + _ROW_OVERHEAD_BYTES
        if shard and (len(shard) >= max_rows or size + row_size > max_bytes):
            yield shard
            shard, size = [], 0
        shard.append(row)
        size += row_size
    if shard:
        yield shard


def encode_shard(rows: list[StagedRow]) -> bytes:
    """Return the rows as one Parquet object: zstd, no statistics, no time stamps."""
    columns = [
        pa.array([get(row) for row in rows], type=field.type)
        for get, field in zip(_GETTERS, STAGED_SCHEMA, strict=True)
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_arrays(columns, schema=STAGED_SCHEMA),
        sink,
        compression="zstd",
        compression_level=1,
        use_dictionary=False,
        write_statistics=False,
        store_schema=False,
    )
    return bytes(sink.getvalue())


def decode_shard(body: bytes, columns: list[str] | None = None) -> pa.Table:
    """Return the table of a staged shard, or some of its columns."""
    return pq.read_table(pa.BufferReader(body), columns=columns, use_threads=False)


def load_staged(spec: JobSpec, store: ObjectStore) -> StagedManifest | None:
    """Return the manifest of a finished staging, else None."""
    try:
        return read_document(StagedManifest, store.get(spec.layout.staged_manifest))
    except ObjectMissing:
        return None
