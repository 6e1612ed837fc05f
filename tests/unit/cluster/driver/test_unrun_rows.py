"""The rows of a late or cancelled job end without an engine."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from llmbatch.cluster.driver.unrun_rows import end_shards
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.shard_table import read_tally
from llmbatch.core.claims import claim
from llmbatch.core.clock import SystemClock
from llmbatch.core.crashes import Crash
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import Superseded
from llmbatch.core.shards import ShardTally
from llmbatch.core.states import ErrorClass, RowState

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def test_rows_of_a_late_job_expire_without_an_engine(store, make, read_results) -> None:
    rows = [make.chat(n, "x") for n in range(1, 30)] + [make.staged(30, Endpoint.COMPLETIONS, "{broken", "invalid")]
    job = make.stage(store, rows, 7)
    context = JobContext(job.manifest.job_id, 2, job.layout, store, SystemClock())
    tallies: list[ShardTally] = []
    end_shards(context, job.manifest.shards, RowState.EXPIRED, NOW, tallies.append)
    assert (sum(t.expired for t in tallies), sum(t.failed for t in tallies), sum(t.rows for t in tallies)) == (
        29,
        1,
        30,
    )
    states = [
        state
        for shard in job.manifest.shards
        for state in read_results(job.layout.result_shard(shard.shard_id)).column("state").to_pylist()
    ]
    assert states == ["expired"] * 29 + ["failed"]
    for tally in tallies:
        assert read_tally(store, store.head(job.layout.result_shard(tally.shard_id))) == tally


def test_rows_of_a_cancelled_job_are_counted_as_cancelled(store, make, read_results) -> None:
    rows = [make.chat(1, "x"), make.staged(2, Endpoint.COMPLETIONS, "{broken", "invalid")]
    job = make.stage(store, rows, 2)
    context = JobContext(job.manifest.job_id, 1, job.layout, store, SystemClock())
    tallies: list[ShardTally] = []
    end_shards(context, job.manifest.shards, RowState.CANCELLED, NOW, tallies.append)
    [tally] = tallies
    assert (tally.rows, tally.cancelled, tally.failed, tally.expired) == (2, 1, 1, 0)
    assert tally.errors == {ErrorClass.INVALID: 1}
    states = read_results(job.layout.result_shard("shard-00000")).column("state").to_pylist()
    assert states == ["cancelled", "failed"]


def test_a_row_that_crashed_an_engine_alone_fails_as_in_a_replica(store, make, read_results) -> None:
    job = make.stage(store, [make.chat(n, "x") for n in (1, 2)], 2)
    for number in range(4):
        crash = Crash(
            generation=1,
            replica_id=f"r{number}",
            crashed_at=SystemClock().now(),
            error="EngineDiedError",
            rows=("00000-000000001",),
        )
        store.put(job.layout.crash(1, crash.replica_id), crash.model_dump_json().encode())
    context = JobContext(job.manifest.job_id, 2, job.layout, store, SystemClock())
    end_shards(context, job.manifest.shards, RowState.EXPIRED, NOW, lambda _: None)
    rows = read_results(job.layout.result_shard("shard-00000")).to_pylist()
    assert [(row["state"], row["error_class"]) for row in rows] == [("failed", "poison"), ("expired", None)]


def test_a_superseded_generation_expires_nothing(store, make) -> None:
    job = make.stage(store, [make.chat(1, "x")], 1)
    claim(store, job.layout, owner="g3", now=SystemClock().now(), at_least=3)
    context = JobContext(job.manifest.job_id, 2, job.layout, store, SystemClock())
    with pytest.raises(Superseded):
        end_shards(context, job.manifest.shards, RowState.EXPIRED, NOW, lambda _: None)
    assert list(store.list(job.layout.results)) == []


def test_only_a_few_shards_are_in_memory_at_once(store, make, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make.stage(store, [make.chat(n, "x") for n in range(1, 121)], 1)
    context = JobContext(job.manifest.job_id, 2, job.layout, store, SystemClock())
    opened: list[str] = []
    committed: list[ShardTally] = []
    most: list[int] = []
    read = store.open_stream

    def counted(uri: str, etag: str) -> object:
        opened.append(uri)
        most.append(len(opened) - len(committed))
        return read(uri, etag)

    monkeypatch.setattr(store, "open_stream", counted)
    end_shards(context, job.manifest.shards, RowState.EXPIRED, NOW, committed.append)
    assert len(committed) == 120
    assert max(most) <= 12
