"""What the store holds is counted, also where a replica ended before its report."""

from __future__ import annotations

from typing import Any

import pytest

from llmbatch.cluster.driver.committed_shards import committed_shards, count_committed
from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.replica.row_outcome import failed
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.shard_commit import ShardCommit
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import StoreError
from llmbatch.core.shards import ShardTally
from llmbatch.core.store import MemoryStore


class Job:
    """Three shards of one row each."""

    def __init__(self, store: MemoryStore, make: Any) -> None:
        self.rows = [make.chat(n, "x") for n in range(3)]
        staged = make.stage(store, self.rows, 1)
        self.context = JobContext(staged.manifest.job_id, 1, staged.layout, store, ManualClock())
        self.state = JobState(staged.manifest, generation=1, replicas_wanted=1, clock=ManualClock())

    def commit(self, number: int) -> ShardTally:
        tally = ShardTally(shard_id=f"shard-{number:05d}", generation=1, rows=1, succeeded=0, failed=1)
        return ShardCommit(self.context).commit([failed(self.rows[number], "engine", "broken")], tally)


@pytest.fixture
def job(store: MemoryStore, make: Any) -> Job:
    return Job(store, make)


def test_only_result_shards_are_committed_shards(job: Job, store: MemoryStore) -> None:
    job.commit(1)
    for name in ("", "notes.txt", "shard-copy.parquet", "_temporary/0/shard-00002.parquet"):
        store.put(f"{job.context.layout.results}{name}", b"?")
    found = committed_shards(job.context)
    assert set(found) == {"shard-00001"}
    assert found["shard-00001"].uri == job.context.layout.result_shard("shard-00001")


def test_shards_that_no_replica_reported_are_counted_once(
    job: Job, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.state.add_tallies([job.commit(0)])
    job.commit(2)
    reads: list[str] = []
    read_range = store.read_range
    monkeypatch.setattr(store, "read_range", lambda uri, *span: (reads.append(uri), read_range(uri, *span))[1])
    for _ in range(2):
        assert set(count_committed(job.context, job.state)) == {"shard-00000", "shard-00002"}
    assert (job.state.rows().failed, job.state.progress(1).shards.committed) == (2, 2)
    assert reads == [job.context.layout.result_shard("shard-00002")]


def test_an_object_that_is_not_a_result_shard_is_an_error(job: Job, store: MemoryStore) -> None:
    store.put(job.context.layout.result_shard("shard-00000"), b"?")
    with pytest.raises(StoreError, match="is not a result shard"):
        count_committed(job.context, job.state)
