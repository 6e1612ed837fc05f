"""Own columns beside staged shards: complete, typed, bounded, deterministic, and of no cost to a row."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.input_rows import input_job, table_bytes
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import RequestError, StagedConflict, StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import InputFormat
from llmbatch.core.shards import StagedManifest
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.inputs.readers import page_guard
from llmbatch.orchestrator.jobs.kept_columns import read_columns
from llmbatch.orchestrator.jobs.staged_shards import decode_shard
from llmbatch.orchestrator.staging.stage import stage

PARQUET, CSV, JSONL = InputFormat.PARQUET, InputFormat.CSV, InputFormat.JSONL
AT = datetime(2030, 1, 1, tzinfo=UTC)
PROMPTS = [f"q{n}" for n in range(10)]
TYPED = pa.table(
    {
        "prompt": PROMPTS,
        "price": pa.array([Decimal(n) / 4 for n in range(10)], pa.decimal128(9, 2)),
        "when": pa.array([AT] * 10, pa.timestamp("ns", "UTC")),
        "kind": pa.array(["a", "b"] * 5).dictionary_encode(),
        "tags": [["x", "y"], None] * 5,
        "nested": pa.array([{"a": {"b": n}} for n in range(10)]),
    }
)


def job(store: MemoryStore, body: bytes | dict[str, bytes], fmt: InputFormat, **options: object) -> JobSpec:
    staging = {"shard_rows": 4, **options.pop("staging", {})}
    objects = body if isinstance(body, dict) else {"a": body}
    return input_job(store, objects, fmt, staging, **{"max_error_rate": 1.0} | options)


def staged(store: MemoryStore, body: bytes | dict[str, bytes], fmt: InputFormat, **options: object) -> JobSpec:
    spec = job(store, body, fmt, **options)
    stage(spec, store, ManualClock(AT))
    return spec


def manifest_of(spec: JobSpec, store: MemoryStore) -> StagedManifest:
    return StagedManifest.model_validate_json(store.get(spec.layout.staged_manifest))


def shards(spec: JobSpec, store: MemoryStore) -> list[tuple[list[dict], list[dict]]]:
    """The rows of each shard, and the rows of the object with their own columns."""
    found = []
    for shard in manifest_of(spec, store).shards:
        rows = decode_shard(store.get(spec.layout.staged_shard(shard.shard_id))).to_pylist()
        found.append((rows, read_columns(store, spec.layout.kept_shard(shard.shard_id)).to_pylist()))
    return found


def test_each_shard_has_the_typed_columns_of_its_rows_beside_it() -> None:
    store = MemoryStore()
    spec = staged(store, table_bytes(TYPED), PARQUET)
    tables = [read_columns(store, spec.layout.kept_shard(f"shard-{n:05d}")) for n in range(3)]
    assert [table.num_rows for table in tables] == [4, 4, 2]
    whole = pa.concat_tables(tables)
    assert whole["row_id"].to_pylist() == [f"00000-{n:09d}" for n in range(1, 11)]
    plain = TYPED.set_column(3, "kind", TYPED["kind"].cast(pa.string()))
    assert whole.drop_columns("row_id").equals(plain.rename_columns([f"input.{name}" for name in plain.schema.names]))
    assert read_columns(store, spec.layout.kept_schema).schema == whole.schema
    found = manifest_of(spec, store)
    assert (found.columns, found.columns_dropped) == (tuple(TYPED.schema.names), 0)
    assert not [
        name for name in tables[0].schema.names if name in decode_shard(store.get(uri_of(spec, 0))).schema.names[1:]
    ]


def uri_of(spec: JobSpec, number: int) -> str:
    return spec.layout.staged_shard(f"shard-{number:05d}")


def test_a_row_above_the_limit_loses_its_columns_and_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    lines = [f"q{n},{'x' * (20_000 if n in (2, 7) else 10)}" for n in range(10)]
    with caplog.at_level(logging.WARNING):
        spec = staged(store, "\n".join(["prompt,text", *lines]).encode(), CSV)
    assert [len(own) for _, own in shards(spec, store)] == [3, 3, 2]
    assert manifest_of(spec, store).columns_dropped == 2
    assert manifest_of(spec, store).invalid_rows == 0
    assert "event=columns_dropped job_id=job-0000000000000001 rows=2 limit=16384" in caplog.text


def test_a_row_above_the_limit_fails_where_the_columns_were_asked_for() -> None:
    store = MemoryStore()
    lines = [f"q{n},{'x' * (2**20 if n == 2 else 10)},y" for n in range(10)]
    spec = staged(store, "\n".join(["prompt,big,small", *lines]).encode(), CSV, keep_columns=["small", "big"])
    (rows, own), *_ = shards(spec, store)
    assert [row["error_class"] for row in rows] == [None, None, "too_long", None]
    assert rows[2]["error"].startswith("line 4 of a: the columns that keep_columns asks for take 1048")
    assert "(`big`: 1048" in rows[2]["error"]
    assert [row["row_id"] for row in own] == [rows[n]["row_id"] for n in (0, 1, 3)]
    assert manifest_of(spec, store).columns_dropped == 1


def test_objects_of_several_schemas_have_one(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    objects = {
        "a": table_bytes(pa.table({"prompt": ["a"], "n": pa.array([1], pa.int32()), "odd": [1]})),
        "b": table_bytes(pa.table({"prompt": ["b"], "n": pa.array([2**40], pa.int64()), "odd": ["x"]})),
        "b2": table_bytes(pa.table({"prompt": ["b"], "odd": [2]})),
        "c": table_bytes(pa.table({"prompt": ["c"], "more": [[1.5]]})),
    }
    with caplog.at_level(logging.WARNING):
        spec = staged(store, objects, PARQUET, staging={"shard_rows": 2})
    types = {field.name: str(field.type) for field in read_columns(store, spec.layout.kept_schema).schema}
    assert types == {
        "row_id": "string",
        "input.prompt": "string",
        "input.n": "int64",
        "input.odd": "string",
        "input.more": "list<element: double>",
    }
    assert caplog.text.count("event=column_types_differ") == 1
    assert "column=odd types=int64 and string" in caplog.text


def test_a_sample_has_the_columns_of_its_rows_only() -> None:
    store = MemoryStore()
    table = pa.table({"prompt": [f"q{n}" for n in range(500)], "n": range(500)})
    spec = staged(store, table_bytes(table), PARQUET, sample_rows=20)
    for rows, own in shards(spec, store):
        assert [(row["row_id"], row["input.n"] + 1) for row in own] == [(row["row_id"], row["line"]) for row in rows]


def test_a_shard_is_cut_where_its_columns_are_too_large() -> None:
    store = MemoryStore()
    table = pa.table({"prompt": [f"q{n}" for n in range(64)], "text": ["x" * 500_000] * 64})
    spec = staged(store, table_bytes(table), PARQUET, keep_columns="all", staging={"shard_rows": 64})
    sizes = [len(rows) for rows, _ in shards(spec, store)]
    assert sum(sizes) == 64
    assert max(sizes) * 500_000 <= 8 * 2**20
    assert [own["row_id"] for _, owns in shards(spec, store) for own in owns] == [
        row["row_id"] for rows, _ in shards(spec, store) for row in rows
    ]


def test_a_row_that_cannot_be_read_has_no_columns_and_costs_no_other() -> None:
    store = MemoryStore()
    spec = staged(store, b"prompt,n\na,1\nb\nc,3\n,4\n", CSV)
    ((rows, own),) = shards(spec, store)
    assert [row["error_class"] for row in rows] == [None, "invalid", None, "invalid"]
    assert [row["input.n"] for row in own] == ["1", "3", "4"]
    assert manifest_of(spec, store).columns_dropped == 0


@pytest.mark.parametrize("wanted", [None, ["big"]])
def test_columns_that_take_too_much_memory_are_left_out_unless_they_were_asked_for(
    wanted: list[str] | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(page_guard, "PAGE_BYTES", 10_000)
    store = MemoryStore()
    body = table_bytes(pa.table({"prompt": ["a"] * 99, "big": ["x" * 200] * 99}), use_dictionary=False)
    spec = job(store, body, PARQUET, keep_columns=wanted)
    if wanted:
        with pytest.raises(RequestError, match="takes too much memory: column `big`"):
            stage(spec, store, ManualClock(AT))
        return
    with caplog.at_level(logging.WARNING):
        stage(spec, store, ManualClock(AT))
    assert "event=columns_unreadable job_id=job-0000000000000001 uri=s3://b/in/a" in caplog.text
    found = manifest_of(spec, store)
    assert (found.rows, found.invalid_rows, found.columns, found.columns_dropped) == (99, 0, (), 99)


def test_without_columns_to_keep_there_is_no_object() -> None:
    store = MemoryStore()
    spec = staged(store, b'{"prompt": "a", "n": 1}\n', JSONL)
    assert not [uri for uri in store.objects if "/columns/" in uri]
    assert manifest_of(spec, store).columns == ()


class _FailingStore(MemoryStore):
    """Refuses creations after a limit."""

    allowed = 10**6

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        if self.allowed <= 0:
            raise StoreError("down")
        self.allowed -= 1
        return super().create(uri, body)


@given(allowed=st.integers(0, 12), broken=st.sets(st.integers(0, 19), max_size=4), rows=st.integers(1, 20))
def test_a_second_attempt_writes_equal_bytes_wherever_the_first_one_ended(
    allowed: int, broken: set[int], rows: int
) -> None:
    lines = [f"q{n},{'x' * (20_000 if n % 7 == 3 else n)}" if n not in broken else "q" for n in range(rows)]
    body = "\n".join(["prompt,text", *lines]).encode()
    store, whole = _FailingStore(), MemoryStore()
    spec = job(store, body, CSV)
    store.allowed = allowed
    try:
        stage(spec, store, ManualClock(AT))
    except StoreError:
        assert spec.layout.staged_manifest not in store.objects
    store.allowed = 10**6
    stage(spec, store, ManualClock(AT))
    staged(whole, body, CSV)
    assert store.objects == whole.objects


def test_other_columns_of_an_earlier_attempt_are_a_conflict() -> None:
    store = MemoryStore()
    spec = staged(store, b"prompt,n\na,1\n", CSV)
    store.delete(spec.layout.staged_manifest)
    other = MemoryStore()
    staged(other, b"prompt,n\na,2\n", CSV)
    uri = spec.layout.kept_shard("shard-00000")
    store.put(uri, other.get(uri))
    with pytest.raises(StagedConflict, match=r"columns/shard-00000\.parquet"):
        stage(spec, store, ManualClock(AT))


def test_json_lines_keep_what_is_named() -> None:
    store = MemoryStore()
    lines = [{"prompt": "a", "meta": {"x": [1]}}, {"prompt": "b", "meta": "text"}, {"prompt": "c"}]
    body = "\n".join(map(json.dumps, lines)).encode()
    spec = staged(store, body, JSONL, keep_columns=["meta"])
    ((_, own),) = shards(spec, store)
    assert [row["input.meta"] for row in own] == ['{"x":[1]}', '"text"', None]
