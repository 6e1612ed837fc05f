"""Own columns as objects, and joined to rows again."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from llmbatch.core.errors import StoreError
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.kept_columns import (
    aligned,
    columns_of,
    encode_columns,
    joined,
    own_name,
    read_columns,
    unified_schema,
)

URI = "s3://b/columns/shard-00000.parquet"


def piece(ids: str, **columns: list[object]) -> pa.Table:
    return pa.table({"row_id": list(ids), **columns})


def test_an_object_keeps_arrow_s_types_and_equal_tables_make_equal_bytes() -> None:
    table = pa.table(
        {
            "row_id": ["a", "b"],
            "input.when": pa.array([datetime(2030, 1, 1, tzinfo=UTC), None], pa.timestamp("ns", "Europe/Berlin")),
            "input.price": pa.array([Decimal("1.20"), None], pa.decimal128(9, 2)),
            "input.tags": [["x"], None],
            "input.more": pa.array(['{"a":1}', None], pa.json_()),
            "input.large": pa.array(["x", None], pa.large_string()),
        }
    )
    body = encode_columns(table)
    assert body == encode_columns(pa.concat_tables([table.slice(0, 1), table.slice(1)]))
    store = MemoryStore()
    store.put(URI, body)
    assert read_columns(store, URI).equals(table)


@pytest.mark.parametrize("body", [None, b"not parquet"])
def test_an_object_that_is_missing_or_damaged_is_an_error(body: bytes | None) -> None:
    store = MemoryStore()
    if body is not None:
        store.put(URI, body)
    with pytest.raises(StoreError, match=r"shard-00000\.parquet cannot be read.*until the job is published"):
        read_columns(store, URI)


def test_pieces_of_several_schemas_are_one_table_and_come_back_by_row_id() -> None:
    pieces = [piece("ab", x=[1, 2]), piece("d", y=["Y"], x=["X"])]
    schema = unified_schema(pieces)
    assert schema == pa.schema([("x", pa.string()), ("y", pa.string())])
    kept = joined(pieces, schema)
    assert columns_of(kept.schema) == schema
    rows = aligned(kept, pa.chunked_array([["a", "b"], ["c", "d"]]))
    assert rows.to_pydict() == {"x": ["1", "2", None, "X"], "y": [None, None, None, "Y"]}
    nothing = aligned(joined([], schema), pa.chunked_array([["a"]]))
    assert nothing.to_pylist() == [{"x": None, "y": None}]


def test_a_stored_name_is_the_input_s_behind_a_prefix() -> None:
    assert [own_name(name) for name in ("input.a", "input.input.a")] == ["a", "input.a"]
