"""Readers of committed result shards."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ValidationError

from llmbatch.core.errors import StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.rows import META_KEY, RESULT_COLUMNS
from llmbatch.core.shards import ShardTally
from llmbatch.core.states import RowState
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document, reason_of

RESULT_SCHEMA = pa.schema([(name, pa.type_for_alias(alias)) for name, alias in RESULT_COLUMNS])

MODEL_COLUMN = "model"
"""Added to the result columns: the name of the model that answered."""

IN_FLIGHT = 12
"""Shards that are read ahead of the current one."""


def read_result(store: ObjectStore, uri: str) -> pa.Table:
    """Return the table of a committed shard with exactly the result columns; its metadata is kept.

    Raises:
        StoreError: it is not Parquet or lacks a column.
    """
    try:
        table = pq.read_table(pa.BufferReader(store.get(uri)), use_threads=False)
        metadata = table.schema.metadata
        return table.select(RESULT_SCHEMA.names).cast(RESULT_SCHEMA).replace_schema_metadata(metadata)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise StoreError(f"{uri} is not a result shard: {error}. Delete it and clear the task `run`.") from error


def with_model(table: pa.Table, spec: JobSpec, uri: str) -> pa.Table:
    """Return the table of a committed shard with the model of its rows in a column, and without metadata.

    Raises:
        StoreError: the shard has no tally, which names the model.
    """
    names = pa.array([spec.model_name_of(tally_of(uri, table).model)] * table.num_rows, pa.string())
    return table.replace_schema_metadata(None).append_column(MODEL_COLUMN, names)


def tally_of(uri: str, table: pa.Table) -> ShardTally:
    """Return the tally in the metadata of a committed shard.

    Raises:
        StoreError: it has none.
    """
    metadata = table.schema.metadata or {}
    try:
        return read_document(ShardTally, metadata[META_KEY])
    except KeyError as error:
        raise StoreError(f"{uri} has no shard tally, so it was not written by llmbatch's Ray job.") from error
    except ValidationError as error:
        raise StoreError(f"{uri} has a shard tally that cannot be read: {reason_of(error)}.") from error


def succeeded_and_rest(table: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Split a result table: rows that succeeded, and rows that failed, expired or were cancelled."""
    good = pc.equal(table["state"], RowState.SUCCEEDED.value)
    return table.filter(good), table.filter(pc.invert(good))
