"""How many requests a shard and a heartbeat cost the object store: the figures of docs/scale.md."""

from __future__ import annotations

from types import SimpleNamespace

from fakes.counted_store import CountedStore
from fakes.desk import Desk
from llmbatch.cluster.driver.heartbeat import FENCE_SECONDS
from llmbatch.cluster.driver.progress_writer import TRACE_SECONDS
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.shard_commit import ShardCommit
from llmbatch.cluster.storage.shard_table import read_staged_shard
from llmbatch.core.config_sections import HeartbeatConfig
from llmbatch.core.shards import ShardTally


def test_a_shard_costs_a_replica_three_requests(make: SimpleNamespace) -> None:
    store = CountedStore()
    job = make.stage(store, [make.chat(n, "x") for n in range(1, 201)], 50)
    context = JobContext(job.manifest.job_id, 1, job.layout, store, Desk(make).clock)
    commits = ShardCommit(context)
    store.requests.clear()
    for shard in job.manifest.shards:
        rows = read_staged_shard(context, shard)
        commits.commit([], ShardTally(shard_id=shard.shard_id, generation=1, rows=len(rows), succeeded=0, failed=0))
    assert len(job.manifest.shards) == 4
    assert store.requests == {"get": 4, "list": 4, "put": 4}


def test_a_driver_makes_68_requests_a_minute(make: SimpleNamespace) -> None:
    desk = Desk(make)
    counted = CountedStore()
    counted.objects = desk.store.objects
    desk.store = counted
    desk.heartbeat = desk.new_heartbeat()
    desk.heartbeat.connect(desk.exchange)
    seconds = HeartbeatConfig().seconds
    counted.requests.clear()
    for _ in range(int(600 / seconds)):
        desk.heartbeat.beat()
        desk.clock.advance(seconds)
    beats = 600 / seconds
    assert counted.requests["get"] == beats, "control.json"
    assert counted.requests["list"] == 600 / FENCE_SECONDS, "claims"
    assert counted.requests["put"] - beats in {600 / TRACE_SECONDS, 600 / TRACE_SECONDS - 1}, "progress, and the trace"
    assert round(counted.requests.total() / 10) == 68
