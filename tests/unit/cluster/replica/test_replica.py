"""One engine at work, without Ray: outcomes, order, commit, control."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from llmbatch.cluster.engines.base import Answer, EngineDiedError, InFlight
from llmbatch.cluster.engines.echo import EchoEngine
from llmbatch.cluster.exchange.replica_report import LostReplica, Orders
from llmbatch.cluster.replica import replica as replica_module
from llmbatch.cluster.replica.crash_book import record_loss
from llmbatch.cluster.replica.limits import RowLimits
from llmbatch.cluster.replica.replica import Replica
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.shard_table import read_tally, result_schema
from llmbatch.core.claims import claim
from llmbatch.core.clock import ManualClock, SystemClock
from llmbatch.core.crashes import Crash
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.engine_settings import EchoOptions
from llmbatch.core.errors import Superseded
from llmbatch.core.progress import EngineUse, Flight, StoreUse
from llmbatch.core.rows import StagedRow
from llmbatch.core.shards import ShardTally
from llmbatch.core.states import DesiredState, ErrorClass


class GatedEngine:
    """Answers when its gate is open; counts how many rows it holds at once."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.seen: list[str] = []
        self.inside = self.most = 0
        self.counts: InFlight | None = None
        self.use: EngineUse | None = None

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def statistics(self) -> EngineUse | None:
        return self.use

    def in_flight(self) -> InFlight | None:
        return self.counts

    async def generate(self, row: StagedRow, request_id: str) -> Answer:
        self.seen.append(row.row_id)
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.gate.wait()
        finally:
            self.inside -= 1
        return Answer("{}", 2, 3, 1)


class BrokenEngine(GatedEngine):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def generate(self, row: StagedRow, request_id: str) -> Answer:
        raise self.error


def replica(job: Any, store: Any, engine: Any, window: int = 8, shards: int = 12, **more: Any) -> Replica:
    more.setdefault("on_engine_death", lambda error: None)
    more.setdefault("replica_id", "r1")
    more.setdefault("announce", lambda: asyncio.sleep(0))
    context = JobContext(job.manifest.job_id, 2, job.layout, store, SystemClock())
    return Replica(context, engine=engine, limits=RowLimits(window, window, shards), **more)


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):  # what never comes fails; no measure of speed
        while not condition():
            await asyncio.sleep(0.001)


def test_every_row_ends_once_in_input_order(store, make, read_results) -> None:
    rows = [make.chat(n, f"hello {n}") for n in range(1, 10)]
    rows[3] = make.staged(4, Endpoint.COMPLETIONS, "{broken", "invalid")
    rows[5] = make.chat(6, "please FAIL")
    rows[7] = make.staged(8, Endpoint.CHAT, {"messages": None})
    job = make.stage(store, rows, 9)
    engine = EchoEngine(EchoOptions(fail_marker="FAIL"))
    tally = asyncio.run(replica(job, store, engine).process(job.manifest.shards[0]))
    assert (tally.rows, tally.succeeded, tally.failed, tally.generation) == (9, 6, 3, 2)
    assert tally.errors == {ErrorClass.INVALID: 2, ErrorClass.ENGINE: 1}
    uri = job.layout.result_shard("shard-00000")
    table = read_results(uri)
    assert table.schema.remove_metadata() == result_schema()
    assert table.column("row_id").to_pylist() == [row.row_id for row in rows]
    states = table.column("state").to_pylist()
    assert [line for line, state in enumerate(states, 1) if state == "failed"] == [4, 6, 8]
    failed = table.to_pylist()[5]
    assert failed["error_class"] == "engine"
    assert failed["request"] == rows[5].request
    assert table.to_pylist()[3]["attempts"] == 0
    assert table.to_pylist()[0]["request"] is None
    assert read_tally(store, store.head(uri)) == tally


def test_schema_is_the_same_for_all_failed_and_all_good(store, make, read_results) -> None:
    rows = [make.chat(1, "a"), make.staged(2, Endpoint.CHAT, "{", "invalid")]
    job = make.stage(store, rows, 1)
    one = replica(job, store, EchoEngine(EchoOptions()))

    async def both() -> None:
        for shard in job.manifest.shards:
            await one.process(shard)

    asyncio.run(both())
    schemas = [read_results(job.layout.result_shard(s.shard_id)).schema.remove_metadata() for s in job.manifest.shards]
    assert schemas[0] == schemas[1]


def test_window_bounds_rows_and_fills_shard_by_shard(store, make) -> None:
    rows = [make.chat(n, "x") for n in range(1, 13)]
    job = make.stage(store, rows, 4)

    async def run() -> None:
        engine = GatedEngine()
        one = replica(job, store, engine, window=6)
        tasks = [asyncio.create_task(one.process(shard)) for shard in job.manifest.shards]
        await until(lambda: engine.inside == 6)
        assert one.report().open.running == 6
        assert one.report().open_shards == 3
        whole = {tuple(r.row_id for r in rows[i : i + 4]) for i in (0, 4, 8)}
        begun = one.report().begun
        assert len(begun) == 2
        assert set(begun) < {shard.shard_id for shard in job.manifest.shards}
        assert tuple(engine.seen[:4]) in whole  # one shard is in whole before the next begins
        engine.gate.set()
        tallies = await asyncio.gather(*tasks)
        assert sum(t.succeeded for t in tallies) == 12
        assert one.report().begun == ()
        assert engine.most == 6
        report = one.report()
        assert report.open.running == 0
        assert len(report.committed) == 3
        assert report.first_row_age is not None
        one.reported(report)
        assert one.report().committed == ()

    asyncio.run(run())


def test_a_shard_that_another_process_committed_keeps_its_tally(store, make) -> None:
    job = make.stage(store, [make.chat(1, "a"), make.chat(2, "FAIL")], 2)
    theirs = asyncio.run(
        replica(job, store, EchoEngine(EchoOptions(fail_marker="FAIL"))).process(job.manifest.shards[0])
    )
    before = store.get(job.layout.result_shard("shard-00000"))
    mine = asyncio.run(replica(job, store, EchoEngine(EchoOptions())).process(job.manifest.shards[0]))
    assert mine == theirs
    assert store.get(job.layout.result_shard("shard-00000")) == before


@pytest.mark.parametrize(("desired", "committed"), [(DesiredState.DRAIN, 1), (DesiredState.CANCEL, 0)])
def test_drain_finishes_begun_shards_and_cancel_none(store, make, desired, committed) -> None:
    job = make.stage(store, [make.chat(n, "x") for n in range(1, 7)], 2)

    async def run() -> None:
        engine = GatedEngine()
        one = replica(job, store, engine, window=2)
        tasks = [asyncio.create_task(one.process(shard)) for shard in job.manifest.shards]
        await until(lambda: engine.inside == 2)
        one.apply(Orders(desired))
        await asyncio.sleep(0)
        # With the window full, the second shard holds the turn without a row: it has begun too, and finishes.
        engine.gate.set()
        tallies = await asyncio.gather(*tasks)
        assert sum(t is not None for t in tallies) in ({1, 2} if committed else {0})
        assert await one.process(job.manifest.shards[2]) is None
        assert one.idle
        assert one.report().applied is desired

    asyncio.run(run())


def test_a_cancelled_job_that_delivers_commits_the_open_shard_with_the_answers_that_there_are(
    store, make, read_results
) -> None:
    job = make.stage(store, [make.chat(n, "x") for n in range(1, 9)], 4)

    class FirstOnly(GatedEngine):
        async def generate(self, row: StagedRow, request_id: str) -> Answer:
            return Answer("{}", 2, 3, 1) if row.line == 1 else await super().generate(row, request_id)

    async def run() -> None:
        engine, clock = FirstOnly(), ManualClock()
        context = JobContext(job.manifest.job_id, 2, job.layout, store, clock)
        limits = RowLimits(2, 2, 12, grace_seconds=30)
        one = Replica(
            context, "r1", engine, limits, on_engine_death=lambda error: None, announce=lambda: asyncio.sleep(0)
        )
        first, second = job.manifest.shards
        tasks = [asyncio.create_task(one.process(first))]
        await until(lambda: engine.inside == 2)
        tasks.append(asyncio.create_task(one.process(second)))
        order = Orders(DesiredState.DRAIN, cancels=True)
        one.apply(order)
        clock.advance(29)
        one.apply(order)
        await asyncio.sleep(0.01)
        assert engine.inside == 2
        clock.advance(1)
        one.apply(order)
        tallies = await asyncio.wait_for(asyncio.gather(*tasks), 60)
        assert engine.inside == 0
        [tally] = [tally for tally in tallies if tally is not None]
        assert (tally.rows, tally.succeeded, tally.failed, tally.cancelled) == (4, 1, 0, 3)
        assert read_tally(store, store.head(job.layout.result_shard(tally.shard_id))) == tally
        rows = read_results(job.layout.result_shard(tally.shard_id)).to_pylist()
        assert [row["state"] for row in rows] == ["succeeded", "cancelled", "cancelled", "cancelled"]
        assert [len(row["request"] or "") > 0 for row in rows] == [False, True, True, True]
        report = one.report()
        assert (one.idle, report.applied, report.open_shards) == (True, DesiredState.DRAIN, 0)
        assert await one.process(job.manifest.shards[1]) is None

    asyncio.run(run())


@pytest.mark.parametrize("node_ahead", [0, 65, -65, 3600, -3600])
@pytest.mark.parametrize(("expires_in", "outcome"), [(30.0, "succeeded"), (-1.0, "expired")])
def test_rows_expire_by_the_driver_s_clock_and_not_by_the_node_s(
    store, make, read_results, node_ahead, expires_in, outcome
) -> None:
    job = make.stage(store, [make.chat(1, "x")], 1)
    driver, node = ManualClock(), ManualClock(ManualClock().now() + timedelta(seconds=node_ahead))
    limits = RowLimits(1, 1, 1, expires_at=driver.now() + timedelta(seconds=expires_in))
    context = JobContext(job.manifest.job_id, 2, job.layout, store, node)
    one = Replica(
        context,
        "r1",
        EchoEngine(EchoOptions()),
        limits,
        on_engine_death=lambda error: None,
        announce=lambda: asyncio.sleep(0),
    )
    one.apply(Orders(expires_in=expires_in))
    asyncio.run(one.process(job.manifest.shards[0]))
    [row] = read_results(job.layout.result_shard("shard-00000")).to_pylist()
    assert row["state"] == outcome


def test_rows_that_begin_after_the_order_get_fewer_tokens_and_the_tally_names_the_model(
    store, make, read_results
) -> None:
    job = make.stage(store, [make.chat(n, "one two three four", max_tokens=3) for n in range(1, 5)], 2)
    one = replica(job, store, EchoEngine(EchoOptions()), model="s3://models/small", model_digest="sha256:a")

    async def run() -> list[ShardTally | None]:
        first = await one.process(job.manifest.shards[0])
        one.apply(Orders(max_tokens=2))
        return [first, await one.process(job.manifest.shards[1])]

    tallies = asyncio.run(run())
    assert [tally.completion_tokens for tally in tallies if tally] == [6, 4]
    assert {(tally.model, tally.model_digest) for tally in tallies if tally} == {("s3://models/small", "sha256:a")}
    assert read_tally(store, store.head(job.layout.result_shard("shard-00001"))) == tallies[1]
    rows = read_results(job.layout.result_shard("shard-00001")).to_pylist()
    choices = [json.loads(row["response"])["choices"][0] for row in rows]
    assert [(each["message"]["content"], each["finish_reason"]) for each in choices] == [
        ("echo: one two", "length")
    ] * 2


def test_unknown_engine_error_fails_the_row_and_not_the_log(store, make, read_results, caplog) -> None:
    job = make.stage(store, [make.chat(1, "my secret")], 1)
    engine = BrokenEngine(RuntimeError("cannot do: my secret"))
    asyncio.run(replica(job, store, engine).process(job.manifest.shards[0]))
    [row] = read_results(job.layout.result_shard("shard-00000")).to_pylist()
    assert (row["error_class"], row["error"]) == ("engine", "RuntimeError: cannot do: my secret")
    assert "secret" not in caplog.text


def test_dead_engine_takes_the_replica_with_it_and_commits_nothing(store, make) -> None:
    job = make.stage(store, [make.chat(1, "x")], 1)
    deaths: list[EngineDiedError] = []
    one = replica(job, store, BrokenEngine(EngineDiedError("gone")), on_engine_death=deaths.append)
    with pytest.raises(ExceptionGroup):
        asyncio.run(one.process(job.manifest.shards[0]))
    assert len(deaths) == 1
    assert list(store.list(job.layout.results)) == []
    [record] = store.list(job.layout.crashes)
    kept = Crash.model_validate_json(store.get(record.uri))
    assert (kept.generation, kept.replica_id, kept.rows) == (2, "r1", ("00000-000000001",))


def test_a_row_that_crashes_engine_after_engine_is_dead_lettered_and_the_others_are_answered(
    store, make, read_results
) -> None:
    job = make.stage(store, [make.chat(n, "boom" if n == 7 else f"hello {n}") for n in range(1, 41)], 40)

    def one_life(number: int) -> bool:
        """Run the shard in a new replica with a new engine, as Ray does after a crash; return whether it committed."""
        engine = EchoEngine(EchoOptions(crash_marker="boom", seconds_per_row=0.001))
        one = replica(job, store, engine, window=40, replica_id=f"r{number}")
        try:
            return asyncio.run(one.process(job.manifest.shards[0])) is not None
        except ExceptionGroup:
            return False

    lives = [one_life(number) for number in range(5)]
    assert lives == [False, False, False, False, True]
    rows = read_results(job.layout.result_shard("shard-00000")).to_pylist()
    assert [row["line"] for row in rows if row["state"] == "failed"] == [7]
    assert (rows[6]["error_class"], rows[6]["attempts"]) == ("poison", 4)
    assert rows[6]["request"] is not None


def test_a_row_that_ends_the_process_is_dead_lettered_by_what_its_replicas_announced(store, make, read_results) -> None:
    """No code runs at the end of such a life: its successor has the last announcement only, and records it."""
    job = make.stage(store, [make.chat(n, "boom" if n == 7 else f"hello {n}") for n in range(1, 41)], 40)
    context = JobContext(job.manifest.job_id, 2, job.layout, store, SystemClock())

    class Process:
        """A replica and what it has announced; ends as soon as row 7 enters the engine."""

        def __init__(self, number: int) -> None:
            self.announced: tuple[str, ...] = ()
            self.ended = asyncio.Event()
            self.replica = replica(job, store, self, window=40, replica_id=f"r{number}", announce=self._announce)

        async def _announce(self) -> None:
            self.announced = self.replica.report().inside

        def in_flight(self) -> None: ...

        statistics = in_flight

        async def generate(self, row: StagedRow, request_id: str) -> Answer:
            assert row.row_id in self.announced, "a row entered that was not announced"
            if row.line == 7:
                self.ended.set()
                await asyncio.get_running_loop().create_future()
            await asyncio.sleep(0.001)
            return Answer("{}", 1, 1)

        async def run(self) -> bool:
            work = asyncio.create_task(self.replica.process(job.manifest.shards[0]))
            end = asyncio.create_task(self.ended.wait())
            done, _ = await asyncio.wait([work, end], return_when=asyncio.FIRST_COMPLETED)
            for task in (work, end):
                task.cancel()
            return work in done

    async def one_life(number: int) -> bool:
        process = Process(number)
        committed = await process.run()
        if not committed:
            record_loss(context, LostReplica(f"r{number}", process.announced))
        return committed

    lives = [asyncio.run(one_life(number)) for number in range(5)]
    assert lives == [False, False, False, False, True]
    rows = read_results(job.layout.result_shard("shard-00000")).to_pylist()
    assert [(row["line"], row["error_class"]) for row in rows if row["state"] == "failed"] == [(7, "poison")]


def test_a_generation_that_was_superseded_commits_nothing(store, make) -> None:
    job = make.stage(store, [make.chat(1, "x")], 1)
    claim(store, job.layout, owner="g3", now=SystemClock().now(), at_least=3)
    with pytest.raises(Superseded, match="generation 3 has taken over from generation 2"):
        asyncio.run(replica(job, store, EchoEngine(EchoOptions())).process(job.manifest.shards[0]))
    assert list(store.list(job.layout.results)) == []


def test_tokens_never_fall_and_prompts_are_reported_in_characters(store, make) -> None:
    """Eight rows of equal length, six of which are in the engine; then one is out before its answer is counted."""
    rows = [make.chat(n, "x" * 100) for n in range(10, 18)]
    job = make.stage(store, rows, 8)

    async def run() -> None:
        engine = GatedEngine()
        one = replica(job, store, engine, window=6)
        assert (one.report().generated, one.report().flight) == (None, None)  # the engine does not report them
        engine.counts = InFlight()
        assert (one.report().generated, one.report().flight) == (0, Flight())
        task = asyncio.create_task(one.process(job.manifest.shards[0]))
        await until(lambda: engine.inside == 6)
        chars = rows[0].input_chars
        seen = []
        for counts in (
            InFlight(generated=0, prompt_read=0, prompt_open=60),
            InFlight(generated=90, prompt_read=20, prompt_open=60),
            InFlight(generated=60, prompt_read=50, prompt_open=50),
            InFlight(ended=30, generated=70, prompt_read=50, prompt_open=50),
        ):
            engine.counts = counts
            seen.append((one.report().generated, one.report().flight))
        assert seen == [
            (0, Flight(tokens=0, chars=0)),
            (90, Flight(tokens=90, chars=2 * chars)),
            (90, Flight(tokens=60, chars=6 * chars)),
            (100, Flight(tokens=70, chars=6 * chars)),
        ]
        engine.gate.set()
        await task

    asyncio.run(run())


def test_a_replica_opens_as_many_shards_as_it_may_and_the_next_when_one_ends(store, make) -> None:
    job = make.stage(store, [make.chat(n, "a") for n in range(1, 7)], 1)
    engine = GatedEngine()
    one = replica(job, store, engine, shards=2)

    async def scene() -> list[ShardTally | None]:
        running = [asyncio.create_task(one.process(shard)) for shard in job.manifest.shards]
        await until(lambda: engine.inside == 2)
        assert one.report().open_shards == 2
        engine.gate.set()
        return list(await asyncio.gather(*running))

    tallies = asyncio.run(scene())
    assert [tally and tally.shard_id for tally in tallies] == [shard.shard_id for shard in job.manifest.shards]
    assert engine.most == 2


def test_a_drain_opens_no_shard_that_waits(store, make) -> None:
    job = make.stage(store, [make.chat(n, "a") for n in range(1, 4)], 1)
    engine = GatedEngine()
    one = replica(job, store, engine, shards=1)

    async def scene() -> list[ShardTally | None]:
        running = [asyncio.create_task(one.process(shard)) for shard in job.manifest.shards]
        await until(lambda: engine.inside == 1)
        one.apply(Orders(desired=DesiredState.DRAIN))
        engine.gate.set()
        return list(await asyncio.gather(*running))

    tallies = asyncio.run(scene())
    assert [tally is None for tally in tallies] == [False, True, True]
    assert len(engine.seen) == 1


def test_a_report_has_what_engine_and_store_have_counted(store, make, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = GatedEngine()
    one = replica(make.stage(store, [make.chat(1, "x")], 1), store, engine)
    assert (one.report().engine, one.report().store) == (None, None)
    engine.use = EngineUse(kv_cache=0.5, preemptions=2)
    monkeypatch.setattr(replica_module, "use_of", lambda found: StoreUse(requests=3) if found is store else None)
    assert (one.report().engine, one.report().store) == (engine.use, StoreUse(requests=3))
