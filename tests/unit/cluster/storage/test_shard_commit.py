"""A shard is committed once: by the latest generation, without replacing what another process has written."""

from __future__ import annotations

import logging

import pytest

from llmbatch.cluster.replica.row_outcome import failed
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.shard_commit import ShardCommit
from llmbatch.cluster.storage.shard_table import read_tally
from llmbatch.core.claims import claim
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import StoreError, Superseded
from llmbatch.core.layout import JobLayout
from llmbatch.core.shards import ShardTally
from llmbatch.core.store import MemoryStore

LAYOUT = JobLayout("s3://bucket/jobs/job-1")
URI = LAYOUT.result_shard("shard-00000")


def commit_of(store: MemoryStore, generation: int) -> ShardCommit:
    return ShardCommit(JobContext("job-1", generation, LAYOUT, store, ManualClock()))


def tally(generation: int) -> ShardTally:
    return ShardTally(shard_id="shard-00000", generation=generation, rows=1, succeeded=0, failed=1)


def test_a_commit_is_one_object_with_its_tally(store, make) -> None:
    results = [failed(make.chat(1, "x"), "engine", "broken")]
    assert commit_of(store, 1).commit(results, tally(1)) == tally(1)
    assert [info.uri for info in store.list(LAYOUT.root)] == [URI]
    assert read_tally(store, store.head(URI)) == tally(1)


def test_a_shard_that_is_committed_already_keeps_its_object_and_its_tally(store, make, caplog) -> None:
    results = [failed(make.chat(1, "x"), "engine", "broken")]
    commit_of(store, 1).commit(results, tally(1))
    before = store.get(URI)
    with caplog.at_level(logging.WARNING):
        assert commit_of(store, 2).commit(results, tally(2)) == tally(1)
    assert store.get(URI) == before
    assert "event=committed_already job_id=job-1 shard=shard-00000 by_generation=1 generation=2" in caplog.text


def test_a_superseded_generation_writes_nothing(store, make) -> None:
    claim(store, LAYOUT, owner="g2", now=ManualClock().now(), at_least=2)
    with pytest.raises(Superseded, match="generation 2 has taken over from generation 1"):
        commit_of(store, 1).commit([failed(make.chat(1, "x"), "engine", "broken")], tally(1))
    assert list(store.list(LAYOUT.results)) == []


def test_an_object_that_is_not_a_result_shard_is_an_error(store, make) -> None:
    store.put(URI, b"something else entirely")
    with pytest.raises(StoreError, match="is not a result shard"):
        commit_of(store, 1).commit([failed(make.chat(1, "x"), "engine", "broken")], tally(1))
