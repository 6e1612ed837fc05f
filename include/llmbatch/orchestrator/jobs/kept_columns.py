"""The input's own columns that come back with the answers: staged beside the shards, joined again by row id.

Each staged shard has an object with the columns of its rows; rows without columns are not in it. They are apart from
the shards, so that no Ray job reads them.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llmbatch.core.errors import ObjectMissing, StoreError
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.column_types import converted, unified

PREFIX = "input."
"""Stands before the name of an own column where it is beside columns of ours."""

ROW_ID = pa.field("row_id", pa.string())
NO_COLUMNS = pa.schema([])


def own_name(stored: str) -> str:
    """Return the name that a stored column has in the input."""
    return stored.removeprefix(PREFIX)


def columns_of(schema: pa.Schema) -> pa.Schema:
    """Return the schema without the row id."""
    return pa.schema([field for field in schema if field.name != ROW_ID.name])


def joined(pieces: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    """Return the rows of several pieces as one table of this schema, to which each piece's values are converted."""
    full = pa.schema([ROW_ID, *schema])
    return pa.concat_tables([_in_schema(piece, full) for piece in pieces]) if pieces else full.empty_table()


def aligned(kept: pa.Table, row_ids: pa.ChunkedArray) -> pa.Table:
    """Return the columns of exactly these rows, in their order; null for a row that ``kept`` does not have."""
    ids = row_ids.combine_chunks()
    return columns_table(kept).take(pc.index_in(ids, value_set=kept[ROW_ID.name].combine_chunks()))


def columns_table(kept: pa.Table) -> pa.Table:
    """Return the table without the row ids."""
    return kept.select(columns_of(kept.schema).names)


def unified_schema(pieces: Sequence[pa.Table]) -> pa.Schema:
    """Return one schema for the columns of several pieces."""
    schema = NO_COLUMNS
    for piece in pieces:
        schema = unified(schema, columns_of(piece.schema))
    return schema


def encode_columns(kept: pa.Table) -> bytes:
    """Return the table as one Parquet object that keeps Arrow's types; equal tables make equal bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(kept.combine_chunks(), sink, compression="zstd", compression_level=1, write_statistics=False)
    return bytes(sink.getvalue())


def read_columns(store: ObjectStore, uri: str) -> pa.Table:
    """Return the table of one object.

    Raises:
        StoreError: it is missing or unreadable.
    """
    try:
        return pq.read_table(pa.BufferReader(store.get(uri)), use_threads=False).replace_schema_metadata(None)
    except (ObjectMissing, pa.ArrowException, OSError) as error:
        raise StoreError(
            f"{uri} cannot be read: {error}. Keep the staged shards until the job is published."
        ) from error


def _in_schema(piece: pa.Table, schema: pa.Schema) -> pa.Table:
    there = frozenset(piece.schema.names)
    columns = [
        converted(piece[field.name], field.type)
        if field.name in there
        else pa.chunked_array([pa.nulls(piece.num_rows, field.type)])
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
