"""Rows through one engine: suspects apart, poison never, nothing begun after the deadline."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from llmbatch.cluster.engines.base import Answer, EngineDiedError
from llmbatch.cluster.engines.echo import EchoEngine
from llmbatch.cluster.exchange.replica_report import OpenWork
from llmbatch.cluster.replica.row_gate import RowGate
from llmbatch.cluster.replica.row_runner import RowRunner
from llmbatch.cluster.replica.slots import Slots
from llmbatch.cluster.replica.window import RowWindow
from llmbatch.core.clock import ManualClock
from llmbatch.core.crashes import Suspicion
from llmbatch.core.engine_settings import EchoOptions
from llmbatch.core.rows import StagedRow

NOBODY = Suspicion({}, {})


class WatchingEngine:
    """Answers after a moment; remembers who was inside together, and can move a clock on."""

    def __init__(self, clock: ManualClock | None = None, seconds: float = 0.0) -> None:
        self.clock, self.seconds = clock, seconds
        self.inside: set[int] = set()
        self.together: list[frozenset[int]] = []

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def statistics(self) -> None: ...

    def in_flight(self) -> None: ...

    async def generate(self, row: StagedRow, request_id: str) -> Answer:
        self.inside.add(row.line)
        await asyncio.sleep(0.001)
        self.together.append(frozenset(self.inside))
        self.inside.remove(row.line)
        if self.clock is not None:
            self.clock.advance(self.seconds)
        return Answer("{}", 1, 1)


def gate_of(clock, expires_in: float | None = None, grace: float = 0.0) -> RowGate:
    gate = RowGate(clock, None if expires_in is None else clock.now() + timedelta(seconds=expires_in), grace)
    if expires_in is not None:
        gate.expire_in(expires_in)
    return gate


def runner(engine, clock, *, size: int = 4, gate: RowGate | None = None, deaths=None, announce=None) -> RowRunner:
    return RowRunner(
        job_id="job-1",
        engine=engine,
        window=RowWindow(size),
        slots=Slots(size, clock),
        clock=clock,
        gate=gate or gate_of(clock),
        on_engine_death=lambda error, inside: deaths.append(inside),
        announce=announce or (lambda: asyncio.sleep(0)),
    )


def states(results) -> str:
    return "".join(result.state[0] for result in results)


def test_no_row_begins_after_the_deadline_and_those_inside_finish(make) -> None:
    clock = ManualClock()
    rows = [make.chat(n, "x") for n in range(1, 9)]
    counts = OpenWork()
    engine = WatchingEngine(clock, seconds=4)
    results = asyncio.run(
        runner(engine, clock, size=2, gate=gate_of(clock, 10)).run(rows, counts, NOBODY, lambda: None)
    )
    # Two at a time, four seconds each way: the clock stands at 12 when the fourth row leaves.
    assert states(results) == "sssseeee"
    assert (counts.succeeded, counts.expired, counts.running) == (4, 4, 0)
    last = results[-1]
    assert (last.error_class, last.attempts, last.request) == (None, 0, rows[-1].request)
    assert "the deadline" in str(last.error)


def test_without_a_deadline_late_rows_run(make) -> None:
    clock = ManualClock()
    rows = [make.chat(n, "x") for n in range(1, 5)]
    engine = WatchingEngine(clock, seconds=1e6)
    results = asyncio.run(runner(engine, clock).run(rows, OpenWork(), NOBODY, lambda: None))
    assert states(results) == "ssss"


def test_suspects_share_the_engine_with_their_group_only_and_poison_never_enters(make, read_results) -> None:
    clock, engine = ManualClock(), WatchingEngine()
    rows = [make.chat(n, "x") for n in range(1, 9)]
    ids = {n: rows[n - 1].row_id for n in range(1, 9)}
    suspicion = Suspicion({ids[8]: 4}, {ids[2]: 2, ids[5]: 2, ids[6]: 3})
    results = asyncio.run(runner(engine, clock, size=8).run(rows, OpenWork(), suspicion, lambda: None))
    assert states(results) == "sssssssf"
    assert (results[7].error_class, results[7].attempts) == ("poison", 4)
    seen = set().union(*engine.together)
    assert 8 not in seen
    for together in engine.together:
        assert together <= {1, 3, 4, 7} or together <= {2, 5} or together == {6}


def test_suspects_wait_for_rows_of_other_shards_too(make) -> None:
    clock, engine = ManualClock(), WatchingEngine()
    first = [make.chat(n, "x") for n in range(1, 7)]
    second = [make.chat(n, "x") for n in range(11, 13)]
    suspicion = Suspicion({}, {second[0].row_id: 3})

    async def both() -> None:
        one = runner(engine, clock, size=8)
        await asyncio.gather(
            one.run(first, OpenWork(), NOBODY, lambda: None), one.run(second, OpenWork(), suspicion, lambda: None)
        )

    asyncio.run(both())
    assert frozenset({11}) in engine.together
    assert all(11 not in together for together in engine.together if len(together) > 1)


def test_a_dying_engine_reports_once_which_rows_were_inside(make) -> None:
    rows = [make.chat(n, "boom" if n == 3 else "x") for n in range(1, 7)]
    deaths: list[tuple[str, ...]] = []
    engine = EchoEngine(EchoOptions(crash_marker="boom", seconds_per_row=0.01))
    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(runner(engine, ManualClock(), size=4, deaths=deaths).run(rows, OpenWork(), NOBODY, lambda: None))
    assert caught.group_contains(EngineDiedError)
    assert len(deaths) == 1
    assert rows[2].row_id in deaths[0]
    assert len(deaths[0]) <= 4


class Announced:
    """An engine that admits only rows of the last announcement, and notes each announcement."""

    def __init__(self, size: int) -> None:
        self.lists: list[tuple[str, ...]] = []
        self.strangers: list[str] = []
        self.runner = runner(self, ManualClock(), size=size, announce=self._announce)

    async def _announce(self) -> None:
        await asyncio.sleep(0)
        self.lists.append(self.runner.inside)

    async def generate(self, row: StagedRow, request_id: str) -> Answer:
        if row.row_id not in self.lists[-1]:
            self.strangers.append(row.row_id)
        await asyncio.sleep(0.001)
        return Answer("{}", 1, 1)


@pytest.mark.parametrize("size", [1, 5, 400])
def test_no_row_enters_that_is_not_in_the_last_announcement(make, size: int) -> None:
    rows = [make.chat(n, "x") for n in range(1, 101)]
    apart = Suspicion({}, {rows[4].row_id: 2, rows[5].row_id: 2, rows[70].row_id: 3})

    async def run() -> Announced:
        engine = Announced(size)
        one, two = rows[:60], rows[60:]
        results = await asyncio.gather(
            engine.runner.run(one, OpenWork(), apart, lambda: None),
            engine.runner.run(two, OpenWork(), apart, lambda: None),
        )
        assert states(results[0] + results[1]) == "s" * 100
        return engine

    engine = asyncio.run(run())
    assert engine.strangers == []
    assert engine.runner.inside == ()
    assert (rows[4].row_id, rows[5].row_id) in engine.lists
    assert (rows[70].row_id,) in engine.lists, "a row that is alone must be announced alone, as its crash is a proof"


def test_a_shard_that_is_abandoned_takes_its_announcement_back(make) -> None:
    async def run() -> tuple[str, ...]:
        engine = Announced(2)
        rows = [make.chat(n, "x") for n in range(1, 9)]
        task = asyncio.create_task(engine.runner.run(rows, OpenWork(), NOBODY, lambda: None))
        while not engine.lists:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return engine.runner.inside

    assert asyncio.run(run()) == ()


class Waiting:
    """Answers the rows that it lets go, and holds the others until they are aborted."""

    def __init__(self) -> None:
        self.inside: dict[int, asyncio.Event] = {}
        self.aborted: list[int] = []

    async def generate(self, row: StagedRow, request_id: str) -> Answer:
        self.inside[row.line] = asyncio.Event()
        try:
            await self.inside[row.line].wait()
        except asyncio.CancelledError:
            self.aborted.append(row.line)
            raise
        return Answer("{}", 1, 1)


@pytest.mark.parametrize("apart", [Suspicion({}, {}), Suspicion({}, {"00000-000000008": 3})], ids=["all", "a suspect"])
def test_a_cancelled_job_keeps_its_answers_aborts_what_is_inside_and_begins_nothing(make, apart) -> None:
    async def run() -> None:
        clock, engine, counts = ManualClock(), Waiting(), OpenWork()
        gate = gate_of(clock, grace=5)
        one = runner(engine, clock, size=3, gate=gate)
        rows = [make.chat(n, "x") for n in range(1, 9)]
        task = asyncio.create_task(one.run(rows, counts, apart, lambda: None))
        while len(engine.inside) < 3:
            await asyncio.sleep(0)
        engine.inside[1].set()
        while len(engine.inside) < 4:
            await asyncio.sleep(0)
        gate.cancel(is_cancelled=True)
        clock.advance(2)
        engine.inside[3].set()  # within the grace time
        while counts.succeeded < 2:
            await asyncio.sleep(0)
        clock.advance(3)
        assert gate.is_over
        one.abort()
        one.abort()
        results = await asyncio.wait_for(task, 60)
        assert states(results) == "scsccccc"
        assert sorted(engine.aborted) == [2, 4]
        assert (counts.succeeded, counts.cancelled, counts.failed, counts.running) == (2, 6, 0, 0)
        assert [result.attempts for result in results] == [1, 1, 1, 1, 0, 0, 0, 0]
        assert [result.row_id for result in results] == [row.row_id for row in rows]
        assert {result.error for result in results[1::2]} == {
            "the job was cancelled before the row was answered",
            "the job was cancelled before the row began",
        }
        assert (results[1].seconds, results[7].request) == (5.0, rows[7].request)
        assert one.inside == ()
        assert sum(work.ended for work in counts.lengths.values()) == 8

    asyncio.run(run())


def test_a_row_that_is_aborted_before_its_first_step_has_an_outcome_too(make) -> None:
    async def run() -> None:
        clock, engine, counts = ManualClock(), Waiting(), OpenWork()
        gate = gate_of(clock)
        one = runner(engine, clock, size=3, gate=gate)
        task = asyncio.create_task(one.run([make.chat(n, "x") for n in range(1, 4)], counts, NOBODY, lambda: None))
        while not counts.running:
            await asyncio.sleep(0)
        assert not engine.inside
        gate.cancel(is_cancelled=True)
        one.abort()
        assert states(await asyncio.wait_for(task, 60)) == "ccc"
        assert (counts.cancelled, counts.running, engine.inside) == (3, 0, {})

    asyncio.run(run())
