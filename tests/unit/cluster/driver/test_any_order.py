"""Any order of commits, crashes and retries reconciles: real replica, claims and shard plan over a store that dies."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmbatch.cluster.driver.unrun_rows import end_shards
from llmbatch.cluster.engines.echo import EchoEngine
from llmbatch.cluster.exchange.replica_report import Orders
from llmbatch.cluster.replica.limits import RowLimits
from llmbatch.cluster.replica.replica import Replica
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.shard_table import read_tally
from llmbatch.core.claims import claim
from llmbatch.core.clock import SystemClock
from llmbatch.core.engine_settings import EchoOptions
from llmbatch.core.errors import Superseded
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import compare_row_ids
from llmbatch.core.shards import remaining_shards
from llmbatch.core.states import RowState
from llmbatch.core.store import MemoryStore


class Killed(BaseException):
    """The process is gone. Not an ``Exception``: no handler of the code may mistake it for a failed row."""


@dataclass
class DyingStore:
    """Passes calls on to a store until its process is killed: before or after the ``lives``-th call was carried out."""

    store: MemoryStore
    lives: int
    after: bool
    blind: bool
    """Its listing of claims lags behind for ever: it never learns that it was superseded."""

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)

        def call(*args: Any) -> Any:
            self.lives -= 1
            if self.lives < 0 or (self.lives == 0 and not self.after):
                raise Killed
            answer = iter(()) if self.blind and "/generations/" in str(args[0]) and name == "list" else method(*args)
            if self.lives == 0:
                raise Killed
            return answer

        return call


class Generation:
    """One submission of the job, from its claim to its death. Once it is cancelled, replica or driver end its rows."""

    def __init__(self, job: Any, store: Any, order: Any) -> None:
        self._layout, self._store, self._order = job.layout, store, order
        self.is_cancelled = False
        self._staged = job.manifest.shards
        self._left: list[Any] | None = None
        self._number = 0
        self.over = False

    def step(self) -> None:
        """Claim and plan, or process one shard."""
        try:
            self._begin() if self._number == 0 else self._next()
        except (Killed, Superseded):
            self.over = True
        except BaseExceptionGroup as several:
            self.over = True
            if several.split((Killed, Superseded))[1] is not None:
                raise

    def _begin(self) -> None:
        mine = claim(self._store, self._layout, owner="test", now=datetime(2026, 1, 1, tzinfo=UTC))
        committed = [JobLayout.shard_of(info.uri) for info in self._store.list(self._layout.results)]
        self._left = list(remaining_shards(self._staged, [name for name in committed if name]))
        self._order.shuffle(self._left)
        self._number = mine.generation

    def _next(self) -> None:
        if not self._left:
            self.over = True
            return
        context = JobContext("job-1", self._number, self._layout, self._store, SystemClock())
        shard = self._left.pop()
        if self.is_cancelled and self._order.random() < 0.5:
            end_shards(context, [shard], RowState.CANCELLED, SystemClock().now(), lambda _: None)
            return
        replica = Replica(
            context,
            f"r{self._number}",
            EchoEngine(EchoOptions()),
            RowLimits(window_rows=4, max_num_seqs=2, shards=12),
            on_engine_death=lambda _: None,
            announce=lambda: asyncio.sleep(0),
        )
        replica.apply(Orders(cancels=self.is_cancelled))
        asyncio.run(replica.process(shard))


lives = st.lists(st.tuples(st.integers(1, 25), st.booleans(), st.booleans()), max_size=4)


# `make` is a bundle of functions: nothing to reset between examples.
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    rows=st.integers(1, 14),
    shard_rows=st.integers(1, 5),
    lives=lives,
    cancel=st.none() | st.integers(0, 20),
    chance=st.randoms(use_true_random=False),
)
def test_any_order_of_commits_crashes_cancels_and_retries_reconciles(
    make, rows, shard_rows, lives, cancel, chance
) -> None:
    store = MemoryStore()
    job = make.stage(store, [make.chat(n, "FAIL" if n % 5 == 0 else "x") for n in range(1, rows + 1)], shard_rows)
    alive = [Generation(job, DyingStore(store, *life), chance) for life in lives]
    seen: dict[str, bytes] = {}
    steps = 0
    while alive:
        steps += 1
        for generation in alive:
            generation.is_cancelled = cancel is not None and steps > cancel
        chance.choice(alive).step()
        alive = [generation for generation in alive if not generation.over]
        for info in store.list(job.layout.results):
            assert seen.setdefault(info.uri, store.get(info.uri)) == store.get(info.uri)  # never written over
    last = Generation(job, store, chance)
    last.is_cancelled = cancel is not None
    while not last.over:
        last.step()
    committed = {JobLayout.shard_of(info.uri): info for info in store.list(job.layout.results)}
    assert set(committed) == {shard.shard_id for shard in job.manifest.shards}
    tallies = Counter[str]()
    for shard in job.manifest.shards:
        found = compare_row_ids(
            ids(store, job.layout.staged_shard(shard.shard_id)), ids(store, committed[shard.shard_id].uri)
        )
        assert (found.missing, found.duplicates) == (0, 0)
        tally = read_tally(store, committed[shard.shard_id])
        tallies.update(rows=tally.rows, ended=tally.succeeded + tally.failed + tally.expired + tally.cancelled)
    assert tallies["rows"] == tallies["ended"] == rows


def ids(store: MemoryStore, uri: str) -> list[str]:
    import io

    import pyarrow.parquet as pq

    return list(pq.read_table(io.BytesIO(store.get(uri)), columns=["row_id"])["row_id"].to_pylist())
