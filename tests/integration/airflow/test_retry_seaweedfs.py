"""Retries, idempotency keys and deleted input against a real S3 server: ETags that last, and races for one key."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from llmbatch.core.clock import SystemClock
from llmbatch.core.config import Config
from llmbatch.core.errors import InputChanged
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import InputFormat
from llmbatch.orchestrator.intake.accept import accept, request_of
from llmbatch.orchestrator.publishing.publish import publish
from llmbatch.orchestrator.staging.stage import stage
from llmbatch.s3.store import S3Store

from .small_jobs import BUCKET, JSONL, ROWS, commit, job

pytestmark = pytest.mark.integration

CONFIG = Config.model_validate(
    {"store": {"base_uri": f"s3://{BUCKET}/llmbatch"}, "default_model": "small", "models": {"small": {"uri": "hub/s"}}}
)


def accepted(store: S3Store, run_id: str, **conf: object) -> JobSpec:
    created = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return accept(request_of({}, conf), dag_id="d", run_id=run_id, created_at=created, config=CONFIG, store=store)


def test_a_retry_runs_what_did_not_succeed_and_delivers_all(store: S3Store) -> None:
    uri = f"s3://{BUCKET}/in/retry.jsonl"
    store.put(uri, JSONL)
    parent = accepted(store, "first", input_uri=uri)
    for shard in stage(parent, store, SystemClock()).shards:
        commit(parent, store, shard.shard_id, failed_lines=range(100, 200))
    assert publish(parent, store, SystemClock()).rows.failed == 100
    retry = accepted(store, "again", retry_failed_of=parent.job_id, output_format="parquet")
    staged = stage(retry, store, SystemClock())
    assert (staged.rows, len(staged.shards)) == (100, 2)
    for shard in staged.shards:
        commit(retry, store, shard.shard_id)
    proof = publish(retry, store, SystemClock())
    assert (proof.rows.input, proof.rows.succeeded, proof.missing, proof.duplicates) == (ROWS, ROWS, 0, 0)
    results = pq.read_table(io.BytesIO(store.get(f"{retry.output_uri}results.parquet")))
    assert results["text"].to_pylist() == [f"answer {line}" for line in range(1, ROWS + 1)]


def test_runs_with_one_key_at_once_get_one_job(store: S3Store) -> None:
    uri = f"s3://{BUCKET}/in/key.jsonl"
    store.put(uri, JSONL)
    with ThreadPoolExecutor(8) as pool:
        specs = list(pool.map(lambda n: accepted(store, f"run{n}", input_uri=uri, idempotency_key="k"), range(8)))
    assert len({spec.job_id for spec in specs}) == 1
    assert accepted(store, "late", input_uri=uri, idempotency_key="k") == specs[0]


@pytest.mark.parametrize("fmt", [InputFormat.JSONL, InputFormat.PARQUET])
def test_deleted_input_is_refused(store: S3Store, fmt: InputFormat) -> None:
    uri = f"s3://{BUCKET}/in/deleted-{fmt.value}"
    store.put(uri, JSONL)
    spec = job(store, f"deleted-{fmt.value}", uri, fmt=fmt)
    store.delete(uri)
    with pytest.raises(InputChanged, match=uri):
        stage(spec, store, SystemClock())
