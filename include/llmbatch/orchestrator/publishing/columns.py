"""What users get of a result row: fewer columns than the committed shard has, in one order for every format."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from llmbatch.core.states import RowState
from llmbatch.orchestrator.published_shards import RESULT_SCHEMA

USER_COLUMNS = (
    "custom_id",
    "row_id",
    "line",
    "state",
    "text",
    "finish_reason",
    "prompt_tokens",
    "completion_tokens",
    "error_class",
    "error",
)
FAILED_COLUMNS = (*USER_COLUMNS, "request")


def user_schema(columns: tuple[str, ...]) -> pa.Schema:
    """Return the schema of those columns, without metadata."""
    return pa.schema([RESULT_SCHEMA.field(name) for name in columns])


def succeeded_and_rest(table: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Split a result table: rows that succeeded, and rows that failed, expired or were cancelled."""
    good = pc.equal(table["state"], RowState.SUCCEEDED.value)
    return table.filter(good), table.filter(pc.invert(good))
