"""Staging and publishing against a real S3 server: ETags, conditional writes, streams, ranges, multipart uploads."""

from __future__ import annotations

import gzip
import io
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llmbatch.core.clock import SystemClock
from llmbatch.core.errors import InputChanged, ObjectExists, ReconcileError
from llmbatch.core.request_options import InputFormat
from llmbatch.orchestrator.inputs.formats import peek_columns, sniff_format
from llmbatch.orchestrator.jobs.documents import read_inputs
from llmbatch.orchestrator.publishing.publish import publish
from llmbatch.orchestrator.staging.stage import stage
from llmbatch.s3.store import S3Store, probe_conditions

from .small_jobs import BUCKET, JSONL, ROWS, commit, job

pytestmark = pytest.mark.integration


def parquet_body() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"prompt": [f"question {number}" for number in range(ROWS)]}), sink, row_group_size=300)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("name", "body", "fmt"),
    [
        ("plain.jsonl", JSONL, InputFormat.JSONL),
        ("plain.jsonl.gz", gzip.compress(JSONL), InputFormat.JSONL),
        ("table.parquet", parquet_body(), InputFormat.PARQUET),
        ("table.csv", b"prompt\n" + b"".join(b"question %d\n" % number for number in range(ROWS)), InputFormat.CSV),
    ],
)
def test_stage_every_format(store: S3Store, name: str, body: bytes, fmt: InputFormat) -> None:
    uri = f"s3://{BUCKET}/in/{name}"
    store.put(uri, body)
    spec = job(store, name, uri, fmt=fmt)
    [obj] = read_inputs(spec, store)
    assert sniff_format(store, obj) is fmt
    assert "prompt" in peek_columns(store, obj, fmt, spec.request).names
    manifest = stage(spec, store, SystemClock())
    assert (manifest.rows, manifest.invalid_rows) == (ROWS, 0)
    listed = {info.uri: info.etag for info in store.list(spec.layout.staged)}
    assert all(listed[spec.layout.staged_shard(shard.shard_id)] == shard.etag for shard in manifest.shards)
    assert stage(spec, store, SystemClock()) == manifest


def test_two_tries_at_once_end_with_one_truth(store: S3Store) -> None:
    uri = f"s3://{BUCKET}/in/race.jsonl"
    store.put(uri, JSONL)
    spec = job(store, "race", uri)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: stage(spec, store, SystemClock()), range(2))
    assert first == second


def test_replaced_input_is_refused(store: S3Store) -> None:
    for fmt in (InputFormat.JSONL, InputFormat.PARQUET):
        uri = f"s3://{BUCKET}/in/changed-{fmt.value}"
        store.put(uri, JSONL)
        spec = job(store, f"changed-{fmt.value}", uri, fmt=fmt)
        store.put(uri, JSONL + b"\n")
        with pytest.raises(InputChanged):
            stage(spec, store, SystemClock())


def test_publish_end_to_end(store: S3Store) -> None:
    probe_conditions(store, f"s3://{BUCKET}/probe")
    uri = f"s3://{BUCKET}/in/publish.jsonl"
    store.put(uri, JSONL)
    spec = job(store, "publish", uri, shard_rows=300)
    manifest = stage(spec, store, SystemClock())
    for shard in manifest.shards[:-1]:
        commit(spec, store, shard.shard_id)
    with pytest.raises(ReconcileError, match=manifest.shards[-1].shard_id):
        publish(spec, store, SystemClock())
    assert not list(store.list(spec.output_uri))
    commit(spec, store, manifest.shards[-1].shard_id)
    proof = publish(spec, store, SystemClock())
    assert (proof.rows.input, proof.rows.succeeded, proof.missing, proof.duplicates) == (ROWS, ROWS, 0, 0)
    results = pq.read_table(io.BytesIO(store.get(f"{spec.output_uri}results.parquet")))
    assert results["text"].to_pylist() == [f"answer {line}" for line in range(1, ROWS + 1)]
    assert store.get(f"{spec.output_uri}manifest.json") == store.get(spec.layout.manifest)
    assert publish(spec, store, SystemClock()) == proof
    with pytest.raises(ObjectExists):
        store.create(spec.layout.manifest, b"{}")
