"""Rows by length add up, whatever happens: real replicas, scoreboard and job state against a count of every row."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.engines.base import Answer, InFlight
from llmbatch.cluster.exchange.replica_report import Orders
from llmbatch.cluster.exchange.scoreboard import REPLICA_SILENT_SECONDS, Scoreboard
from llmbatch.cluster.replica.limits import RowLimits
from llmbatch.cluster.replica.replica import Replica
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.core.clock import ManualClock
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import RowError
from llmbatch.core.length_cells import LengthClass, bucket_of, class_of
from llmbatch.core.length_sums import AnswerSums, pack_answers, unpack_rows
from llmbatch.core.progress import Flight, Progress
from llmbatch.core.rows import StagedRow
from llmbatch.core.shards import ShardTally, StagedShard
from llmbatch.core.states import ErrorClass
from llmbatch.core.store import MemoryStore

SLOTS, WINDOW, SHARD_ROWS = 2, 3, 4
TOKENS = 3
"""Of every row that is decoded and has no answer yet."""

PATIENCE_SECONDS = 60
"""Before a replica that does not go on is a failed test; no measure of speed."""


class HandEngine:
    """Answers a row when the test does; remembers the rows inside, oldest first."""

    def __init__(self) -> None:
        self.inside: dict[str, asyncio.Future[Answer]] = {}
        self.ended = 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def statistics(self) -> None: ...

    def in_flight(self) -> InFlight:
        decoded = len(list(self.inside)[:SLOTS])
        return InFlight(self.ended, TOKENS * decoded, prompt_read=len(self.inside), prompt_open=len(self.inside))

    async def generate(self, row: StagedRow, request_id: str) -> Answer:
        future = self.inside[row.row_id] = asyncio.get_running_loop().create_future()
        return await future


async def nothing() -> None:
    """Accept an announcement; there is no scoreboard in this test."""


class Worker:
    """One replica, and what it must be counting."""

    def __init__(self, world: World, number: int) -> None:
        self.world, self.engine = world, HandEngine()
        self.replica = Replica(
            JobContext("job-1", 2, world.job.layout, world.store, world.clock),
            f"r{number}",
            self.engine,
            RowLimits(WINDOW, SLOTS, shards=12),
            on_engine_death=lambda _: None,
            announce=nothing,
        )
        self.shards: dict[str, StagedShard] = {}
        self.tasks: dict[str, asyncio.Task[Any]] = {}
        self.began: dict[str, float] = {}

    def unended(self) -> list[StagedRow]:
        rows = [row for name in self.shards for row in self.world.rows_of[name]]
        return [row for row in rows if row.row_id not in self.world.ended and row.error_class is None]

    async def settle(self) -> None:
        """Wait until everything that must follow has followed; time stands still meanwhile."""
        for _ in range(10):
            await asyncio.sleep(0)
        for name in [n for n in self.shards if all(r.row_id in self.world.ended for r in self.world.valid(n))]:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.tasks.pop(name)
            del self.shards[name]
            self.world.committed.add(name)
        places = min(WINDOW, len(self.unended()))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.engine.inside) != places:
                await asyncio.sleep(0.0005)
        for row_id in list(self.engine.inside)[:SLOTS]:
            self.began.setdefault(row_id, self.world.clock.monotonic())


class World:
    """A job in its second generation."""

    def __init__(self, make: Any, former: int, rows: int, chance: random.Random) -> None:
        self.store, self.clock, self.chance = MemoryStore(), ManualClock(), chance
        staged = [make.chat(n, "x" * (7 * n % 90), max_tokens=(16, 200)[n % 2]) for n in range(1, rows + 1)]
        # Never the last row: a shard of nothing but broken rows commits when its turn comes, without an answer.
        for n in range(2, rows - 1, 5):
            staged[n] = make.staged(n + 1, Endpoint.CHAT, "{broken", "invalid")
        self.job = make.stage(self.store, staged, SHARD_ROWS)
        shards = self.job.manifest.shards
        self.rows_of = {s.shard_id: staged[n * SHARD_ROWS :][:SHARD_ROWS] for n, s in enumerate(shards)}
        self.former, self.queue = former, list(shards[former:])
        self.own = [row for shard in self.queue for row in self.valid(shard.shard_id)]
        self.state = JobState(self.job.manifest, generation=2, replicas_wanted=2, clock=self.clock)
        self.state.add_former([shard.shard_id for shard in shards[:former]])
        for shard in shards[:former]:
            kind, _ = next(unpack_rows(shard.lengths))
            lengths = pack_answers({kind: AnswerSums(4, 50, 900, 1000)})
            tally = ShardTally(shard_id=shard.shard_id, generation=1, rows=4, succeeded=4, failed=0, lengths=lengths)
            self.state.add_tallies([tally])
        self.board = Scoreboard(self.clock)
        self.workers: list[Worker] = []
        self.epoch, self.known, self.born, self.generated = "", 0, 0, 0
        self.ended: dict[str, tuple[int, float] | None] = {}
        self.committed: set[str] = set()

    def valid(self, shard_id: str) -> list[StagedRow]:
        return [row for row in self.rows_of[shard_id] if row.error_class is None]

    async def step(self) -> None:
        actions: list[Callable[[], Any]] = [self.join, self.answer, self.answer, self.answer, self.give, self.lose]
        self.clock.advance(self.chance.choice([0, 0.5, 3]))
        await self.chance.choice(actions)()
        for worker in self.workers:
            await worker.settle()
        self.check()

    async def join(self) -> None:
        if len(self.workers) < 2:
            self.born += 1
            self.workers.append(Worker(self, self.born))

    async def give(self) -> None:
        if self.queue and self.workers:
            worker, shard = self.chance.choice(self.workers), self.queue.pop(0)
            worker.shards[shard.shard_id] = shard
            worker.tasks[shard.shard_id] = asyncio.create_task(worker.replica.process(shard))

    async def answer(self) -> None:
        ready = [(worker, row_id) for worker in self.workers for row_id in worker.began]
        if ready:
            worker, row_id = self.chance.choice(ready)
            seconds = self.clock.monotonic() - worker.began.pop(row_id)
            future = worker.engine.inside.pop(row_id)
            if self.chance.random() < 0.2:
                self.ended[row_id] = None
                future.set_exception(RowError(ErrorClass.SCHEMA, "no"))
            else:
                tokens = self.chance.randrange(1, 50)
                self.ended[row_id] = tokens, seconds
                worker.engine.ended += tokens
                future.set_result(Answer("{}", 1, tokens))

    async def lose(self) -> None:
        """A replica falls silent: nothing of it counts but what it has committed, and others get its shards."""
        if self.workers and self.chance.random() < 0.5:
            lost = self.workers.pop(0)
            for task in lost.tasks.values():
                task.cancel()
            await asyncio.gather(*lost.tasks.values(), return_exceptions=True)
            self.clock.advance(REPLICA_SILENT_SECONDS + 1)
            for shard in lost.shards.values():
                self.queue.insert(0, shard)
                for row in self.valid(shard.shard_id):
                    self.ended.pop(row.row_id, None)

    def check(self) -> None:
        for worker in self.workers:
            report = worker.replica.report()
            self.board.report(report)
            worker.replica.reported(report)
        snapshot = self.board.beat(Orders(), self.epoch, self.known)
        self.epoch, self.known = snapshot.epoch, snapshot.known
        self.state.take(snapshot)
        progress = self.state.progress(1)
        assert progress.shards.committed == self.former + len(self.committed)
        assert sorted(share.left for share in progress.shares) == sorted(len(w.unended()) for w in self.workers)
        self.check_tokens(progress)
        cells = {LengthClass(cell.bucket, bucket_of(cell.limit)): cell for cell in progress.lengths}
        kinds = {row.row_id: class_of(row.input_chars, row.answer_limit) for row in self.own}
        assert set(cells) == set(kinds.values())
        now = self.clock.monotonic()
        began = {row_id: at for worker in self.workers for row_id, at in worker.began.items()}
        for kind, cell in cells.items():
            rows = [row for row in self.own if kinds[row.row_id] == kind]
            ages = [now - began[row.row_id] for row in rows if row.row_id in began]
            answers = [found for row in rows if (found := self.ended.get(row.row_id)) is not None]
            assert (cell.rows, cell.chars) == (len(rows), sum(row.input_chars for row in rows))
            assert cell.rows == cell.ended + cell.running + cell.waiting
            assert cell.ended == sum(row.row_id in self.ended for row in rows)
            assert cell.answered == len(answers)
            assert cell.tokens == sum(tokens for tokens, _ in answers)
            assert cell.tokens_squared == sum(tokens**2 for tokens, _ in answers)
            assert abs(cell.answered_seconds - sum(seconds for _, seconds in answers)) < 0.01
            assert cell.running == len(ages)
            assert abs(cell.running_seconds - sum(ages)) < 0.01
            assert abs(cell.running_seconds_squared - sum(age**2 for age in ages)) < 0.01

    def check_tokens(self, progress: Progress) -> None:
        """Tokens never fall, whatever is lost; those of rows in flight are of live replicas."""
        assert (progress.tokens.generated is None) == (not self.born)
        assert (progress.tokens.generated or 0) >= self.generated
        self.generated = progress.tokens.generated or 0
        assert self.generated >= sum(worker.engine.ended for worker in self.workers)
        inside = {row.row_id: row for row in self.own}
        rows = [inside[row_id] for worker in self.workers for row_id in worker.engine.inside]
        began = sum(len(worker.began) for worker in self.workers)
        flight = Flight(tokens=TOKENS * began, chars=sum(row.input_chars for row in rows))
        assert progress.flight == (flight if self.workers else None)


def test_cells_add_up_over_commits_losses_and_generations(make) -> None:
    met = Counter[str]()

    @settings(max_examples=50)
    @given(former=st.integers(0, 2), rows=st.integers(9, 26), chance=st.randoms(use_true_random=False))
    def walk(former: int, rows: int, chance: random.Random) -> None:
        async def live() -> None:
            world = World(make, former, rows, chance)
            world.check()
            for _ in range(50):
                await world.step()
            met.update(committed=len(world.committed), lost=world.born - len(world.workers), ended=len(world.ended))
            for task in [task for worker in world.workers for task in worker.tasks.values()]:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        asyncio.run(live())

    walk()
    assert min(met["committed"], met["lost"], met["ended"]) > 5  # the walks met what they are about
