"""How many requests a shard costs the tasks of Airflow: the figures of docs/scale.md."""

from __future__ import annotations

from collections import Counter

import pytest

from llmbatch.core.clock import SystemClock
from llmbatch.orchestrator.publishing.publish import publish
from llmbatch.orchestrator.staging.stage import stage
from llmbatch.s3.requests import report_requests
from llmbatch.s3.store import S3Store

from .small_jobs import BUCKET, JSONL, ROWS, commit, job

pytestmark = pytest.mark.integration


def requests_of(store: S3Store, shard_rows: int) -> tuple[int, dict[str, Counter[str]]]:
    """Return the number of shards of a job, and the requests of each of its tasks."""
    uri = f"s3://{BUCKET}/in/requests-{shard_rows}.jsonl"
    store.put(uri, JSONL)
    spec = job(store, f"requests-{shard_rows}", uri, shard_rows=shard_rows)
    counted: Counter[str] = Counter()
    counting = S3Store(store._client)
    report_requests(store._client, lambda operation, _, __: counted.update([operation]))
    found = {}
    counted.clear()
    manifest = stage(spec, counting, SystemClock())
    found["stage"] = counted.copy()
    for shard in manifest.shards:
        commit(spec, store, shard.shard_id)
    counted.clear()
    publish(spec, counting, SystemClock())
    found["publish"] = counted.copy()
    return len(manifest.shards), found


def test_a_shard_costs_stage_one_and_publish_two_requests(store: S3Store) -> None:
    few, few_requests = requests_of(store, ROWS // 5)
    many, many_requests = requests_of(store, ROWS // 40)
    assert (few, many) == (5, 40)
    for task, expected in {"stage": {"PutObject": 1}, "publish": {"GetObject": 2}}.items():
        more = {name: many_requests[task][name] - few_requests[task][name] for name in many_requests[task]}
        each = {name: count / (many - few) for name, count in more.items() if count}
        assert each == expected, (task, few_requests, many_requests)
