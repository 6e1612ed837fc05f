"""Shards of a job: listed seldom, and never while a page waits for long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from fakes.finished_jobs import progress_of, spec_of
from fakes.gateway import fake_gateway
from fakes.page_jobs import put_met
from llmbatch.core.clock import ManualClock
from llmbatch.core.identity import shard_id_of
from llmbatch.core.progress import Progress, ShardCounts
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.gateway.pages import job_shards
from llmbatch.gateway.pages.figures.shards import ShardState
from llmbatch.gateway.pages.job_shards import FEW_SHARDS, LIST_SECONDS, JobShards

SPEC = spec_of()
C, W = ShardState.COMMITTED, ShardState.WAITING


class ListedStore(MemoryStore):
    """Counts lists; they wait until the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.lists = 0
        self.gate = threading.Event()
        self.gate.set()

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        self.lists += 1
        self.gate.wait(10)
        return super().list(prefix)


def beat(committed: int, total: int = 4, **changes: object) -> Progress:
    return progress_of(SPEC, 9).model_copy(
        update={"shards": ShardCounts(total=total, committed=committed), "rows_redone": 0, **changes}
    )


def commit(store: MemoryStore, *numbers: int) -> None:
    for n in numbers:
        store.put(SPEC.layout.result_shard(shard_id_of(n)), b"")


def test_a_job_without_results_lists_nothing() -> None:
    store = ListedStore()
    found = asyncio.run(JobShards(store, ManualClock()).running(SPEC.layout, beat(0, running_shards=("shard-00001",))))
    assert found is not None
    assert (found.states, found.is_complete) == (bytes((W, ShardState.RUNNING, W, W)), True)
    assert store.lists == 0


@pytest.mark.parametrize(("total", "lists"), [(FEW_SHARDS, 3), (FEW_SHARDS + 1, 2)])
def test_results_of_many_shards_are_listed_every_half_minute_at_most(total: int, lists: int) -> None:
    store, clock = ListedStore(), ManualClock()
    commit(store, 0, 2)
    store.put(f"{SPEC.layout.results}readme.txt", b"")

    async def look() -> list[bytes]:
        shards, found = JobShards(store, clock), []
        for seconds in (0, LIST_SECONDS - 1, 5, 0):
            clock.advance(seconds)
            read = await shards.running(SPEC.layout, beat(2, total))
            assert read is not None
            found.append(read.states[:4])
            commit(store, 3)
            await asyncio.sleep(0.05)
        return found

    found = asyncio.run(look())
    assert (found[0], found[-1]) == (bytes((C, W, C, W)), bytes((C, W, C, C)))
    assert store.lists == lists


def test_a_page_does_not_wait_for_a_long_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_shards, "_PATIENCE_SECONDS", 0.01)
    store = ListedStore()
    commit(store, 1)
    store.gate.clear()

    async def look() -> bytes:
        shards = JobShards(store, ManualClock())
        assert await shards.running(SPEC.layout, beat(1)) is None
        store.gate.set()
        while (found := await shards.running(SPEC.layout, beat(1))) is None:
            await asyncio.sleep(0.01)
        return found.states

    assert asyncio.run(look()) == bytes((W, C, W, W))
    assert store.lists == 1


def test_a_heartbeat_that_names_as_many_shards_as_it_may_is_incomplete() -> None:
    many = tuple(shard_id_of(n) for n in range(64))
    found = asyncio.run(JobShards(ListedStore(), ManualClock()).running(SPEC.layout, beat(0, redone_shards=many)))
    assert found is not None
    assert not found.is_complete


def test_a_published_job_is_read_from_its_proof_alone() -> None:
    gateway = fake_gateway()
    spec = put_met(gateway)
    shards = JobShards(gateway.store, gateway.clock)
    beat_ = beat(0, redone_shards=("shard-00100",), rows_redone=12)
    found = asyncio.run(shards.over(spec.layout, beat_))
    assert found is not None
    assert [found.states.count(state) for state in ShardState] == [0, 0, 0, 207, 42, 1]
    assert (found.states[0], found.rows_redone) == (ShardState.COMMITTED_BEFORE, 12)
    gateway.store.delete(spec.layout.manifest)
    assert asyncio.run(JobShards(gateway.store, gateway.clock).over(spec.layout, None)) is None
