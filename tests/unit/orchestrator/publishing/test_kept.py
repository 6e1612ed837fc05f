"""The input's own columns in the output: in every row, in input order, through retries and redelivery."""

from __future__ import annotations

import io
import logging

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.input_rows import table_bytes
from fakes.retries import CREATED, accepted, delivered, finished, proof_of, put_answers
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import RequestError, StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.publishing.kept import kept_columns
from llmbatch.orchestrator.publishing.publish import publish
from llmbatch.orchestrator.publishing.redeliver import delivered_to, redeliver
from llmbatch.orchestrator.staging.stage import stage

LINES = ["id,prompt,text,n", *(f"c{n},q{n},t{n},{n}" for n in range(1, 13))]
TABLE = pa.table(
    {
        "prompt": [f"q{n}" for n in range(1, 13)],
        "text": pa.array([f"t{n}" for n in range(1, 13)]).dictionary_encode(),
        "tags": [[n] for n in range(1, 13)],
    }
)


def store_with(name: str, body: bytes) -> MemoryStore:
    store = MemoryStore()
    store.put(f"s3://b/{name}", body)
    return store


def csv_store() -> MemoryStore:
    return store_with("in.csv", "\n".join(LINES).encode())


def parquet(store: MemoryStore, spec: JobSpec, name: str) -> pa.Table:
    return pq.read_table(io.BytesIO(store.get(f"{spec.output_uri}{name}")))


def test_csv_columns_come_back_as_text_in_every_file() -> None:
    store = csv_store()
    spec = finished(store, "first", {2: "failed", 9: "expired"}, input_uri="s3://b/in.csv")
    good, bad = delivered(spec, store, "results.jsonl"), delivered(spec, store, "failed.jsonl")
    assert [row["n"] for row in good] == [str(n) for n in range(1, 13) if n not in (1, 8)]
    assert [(row["n"], row["input.text"], row["text"]) for row in bad] == [("1", "t1", None), ("8", "t8", None)]
    assert list(good[0])[:8] == ["custom_id", "row_id", "line", "id", "prompt", "input.text", "n", "state"]
    assert (good[0]["input.text"], good[0]["text"]) == ("t2", "first: q2")


def test_parquet_columns_keep_their_types() -> None:
    store = store_with("in.parquet", table_bytes(TABLE, row_group_size=5))
    spec = finished(store, "first", {2: "failed"}, input_uri="s3://b/in.parquet")
    good, bad = parquet(store, spec, "results.parquet"), parquet(store, spec, "failed.parquet")
    assert good.schema.field("tags").type == pa.list_(pa.field("element", pa.int64()))
    assert good.schema.field("input.text").type == pa.string()
    assert good["tags"].to_pylist() == [[n] for n in range(1, 13) if n != 2]
    assert bad["tags"].to_pylist() == [[2]]
    assert good["line"].to_pylist() == [n for n in range(1, 13) if n != 2]


@pytest.mark.parametrize("conf", [{"keep_columns": "none"}, {"output_format": "openai_batch"}])
def test_a_job_that_keeps_nothing_delivers_nothing_of_the_input(conf: dict[str, str]) -> None:
    store = csv_store()
    spec = finished(store, "first", input_uri="s3://b/in.csv", **conf)
    name = "output.jsonl" if "output_format" in conf else "results.jsonl"
    assert not {"n", "input.text"} & delivered(spec, store, name)[0].keys()


def test_a_retry_of_a_retry_has_the_columns_of_the_first_job() -> None:
    store = csv_store()
    first = finished(store, "first", {2: "failed", 7: "failed", 11: "failed"}, input_uri="s3://b/in.csv")
    second = finished(store, "second", {7: "failed"}, retry_failed_of=first.job_id)
    third = finished(store, "third", {7: "failed"}, retry_failed_of=second.job_id, output_format="parquet")
    assert not [uri for uri in store.objects if "/columns/" in uri and first.job_id not in uri]
    rows = [*delivered(second, store, "results.jsonl"), *delivered(second, store, "failed.jsonl")]
    assert all(row["n"] == str(row["line"] - 1) for row in rows)
    assert len(rows) == 12
    assert parquet(store, third, "results.parquet")["n"].to_pylist() == [str(n) for n in range(1, 13) if n != 6]
    assert parquet(store, third, "failed.parquet")["n"].to_pylist() == ["6"]


def test_a_retry_asks_for_no_other_columns_than_its_first_job_kept() -> None:
    store = csv_store()
    first = finished(store, "first", {2: "failed"}, input_uri="s3://b/in.csv", keep_columns=["n"])
    with pytest.raises(RequestError, match=rf"keep_columns: is taken from {first.job_id}"):
        accepted(store, "again", retry_failed_of=first.job_id, keep_columns=["text"])
    retry = finished(store, "again", retry_failed_of=first.job_id)
    assert retry.request.keep_columns == ("n",)
    assert list(delivered(retry, store, "results.jsonl")[0])[:5] == ["custom_id", "row_id", "line", "n", "state"]


def test_dropped_columns_are_counted_in_the_manifest_of_the_job_and_of_its_retry() -> None:
    body = "\n".join([*LINES, f"c13,q13,{'x' * 20_000},13"]).encode()
    store = store_with("in.csv", body)
    first = finished(store, "first", {2: "failed"}, input_uri="s3://b/in.csv")
    retry = finished(store, "again", retry_failed_of=first.job_id)
    for spec in (first, retry):
        assert proof_of(spec, store).input.columns_dropped == 1
        last = delivered(spec, store, "results.jsonl")[-1]
        assert (last["line"], last["n"], last["custom_id"]) == (14, None, "c13")


def test_an_expired_input_leaves_its_columns_out_of_a_later_delivery(caplog: pytest.LogCaptureFixture) -> None:
    store = csv_store()
    spec = finished(store, "first", {2: "failed"}, input_uri="s3://b/in.csv")
    there = delivered_to(spec, "s3://b/second")
    redeliver(there, store)
    assert delivered(there, store, "results.jsonl") == delivered(spec, store, "results.jsonl")
    for info in list(store.list(spec.layout.staged)):
        if info.uri != spec.layout.staged_manifest:
            store.delete(info.uri)
    with caplog.at_level(logging.WARNING):
        redeliver(there, store)
    assert f"event=columns_expired job_id={spec.job_id} columns=4" in caplog.text
    plain = [
        {k: v for k, v in row.items() if k not in ("id", "prompt", "input.text", "n")}
        for row in delivered(spec, store, "results.jsonl")
    ]
    assert delivered(there, store, "results.jsonl") == plain


@pytest.mark.parametrize("lost", ["schema", "shard-00002"])
def test_a_job_whose_columns_are_lost_is_not_published_without_them(lost: str) -> None:
    store = csv_store()
    spec = accepted(store, "first", input_uri="s3://b/in.csv")
    stage(spec, store, ManualClock(CREATED))
    put_answers(spec, store, {})
    store.delete(f"{spec.layout.staged}columns/{lost}.parquet")
    with pytest.raises(StoreError, match=rf"columns/{lost}\.parquet"):
        publish(spec, store, ManualClock(CREATED))
    assert not [uri for uri in store.objects if uri.startswith(spec.output_uri)]


@given(cuts=st.lists(st.integers(1, 12), min_size=1, max_size=4), gone=st.sets(st.integers(0, 11)))
def test_the_columns_follow_their_rows_whatever_the_tables_are(cuts: list[int], gone: set[int]) -> None:
    store = csv_store()
    spec = accepted(store, "first", input_uri="s3://b/in.csv")
    stage(spec, store, ManualClock(CREATED))
    lines = [n for n in range(2, 14) if n - 2 not in gone]
    tables, sizes = [], iter(cuts * 12)
    while lines:
        part, lines = lines[: (size := next(sizes))], lines[size:]
        tables.append(pa.table({"row_id": pa.array([f"00000-{n:09d}" for n in part], pa.string()), "line": part}))
    kept = kept_columns(spec, store, is_published=False)
    found = [*kept.beside([*tables, pa.table({"row_id": pa.array([], pa.string())})])]
    assert len(found) == len(tables) + 1
    for table in found[:-1]:
        assert table["input.n"].to_pylist() == [str(line - 1) for line in table["line"].to_pylist()]
