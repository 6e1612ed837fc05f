"""One engine at work: reads staged shards, keeps a window of rows in the engine, commits one object a shard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from llmbatch.cluster.engines.base import Engine, EngineDiedError, InFlight
from llmbatch.cluster.exchange.length_work import answers_of
from llmbatch.cluster.exchange.replica_report import OpenWork, Orders, ReplicaReport, first_shards
from llmbatch.cluster.replica.crash_book import CrashBook
from llmbatch.cluster.replica.limits import RowLimits
from llmbatch.cluster.replica.peak_memory import PeakMemory
from llmbatch.cluster.replica.row_gate import RowGate
from llmbatch.cluster.replica.row_runner import RowRunner
from llmbatch.cluster.replica.slots import Slots
from llmbatch.cluster.replica.window import RowWindow
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.metered_store import use_of
from llmbatch.cluster.storage.patience import Patience
from llmbatch.cluster.storage.shard_commit import ShardCommit
from llmbatch.cluster.storage.shard_table import read_staged_shard
from llmbatch.core.crashes import Crash
from llmbatch.core.errors import StoreError
from llmbatch.core.progress import Flight
from llmbatch.core.shards import ShardTally, StagedShard
from llmbatch.core.states import DesiredState

_log = logging.getLogger(__name__)


class Replica:
    """Processes shards, several at a time, on one event loop.

    A shard ends in one of two ways: committed (its tally is returned) or abandoned (None; nothing was written, and
    a later stream or generation runs it again). Rows that fail are outcomes of a committed shard.

    Args:
        job: the generation that the shards belong to.
        replica_id: names the replica in reports and crash records.
        engine: answers rows; started.
        limits: bounds of rows.
        on_engine_death: called once when the engine is gone and the crash is recorded.
        announce: delivers a report at once; awaited before rows enter the engine.
        model: address of the engine's model.
    """

    def __init__(
        self,
        job: JobContext,
        replica_id: str,
        engine: Engine,
        limits: RowLimits,
        *,
        on_engine_death: Callable[[EngineDiedError], None],
        announce: Callable[[], Awaitable[None]],
        model: str = "",
        model_digest: str | None = None,
    ) -> None:
        self._job, self._replica_id, self._model, self._model_digest = job, replica_id, model, model_digest or ""
        self._on_engine_death = on_engine_death
        self._crashes, self._commit, self._patience = CrashBook(job), ShardCommit(job), Patience(job)
        self._engine, self._generated = engine, 0
        self._memory = PeakMemory(job.clock)
        self._slots = Slots(limits.max_num_seqs, job.clock)
        self._places = asyncio.Semaphore(limits.shards)
        self._gate = RowGate(job.clock, limits.expires_at, limits.grace_seconds)
        self._runner = RowRunner(
            job_id=job.job_id,
            engine=engine,
            window=RowWindow(limits.window_rows),
            slots=self._slots,
            clock=job.clock,
            gate=self._gate,
            on_engine_death=self._engine_died,
            announce=announce,
        )
        self._open: dict[str, OpenWork] = {}
        self._open_rows = 0
        self._started: set[str] = set()
        self._tasks: dict[str, asyncio.Task[ShardTally | None]] = {}
        self._unreported: list[ShardTally] = []
        self._desired = DesiredState.RUN

    @property
    def idle(self) -> bool:
        """Whether no shard is open."""
        return not self._open

    async def process(self, shard: StagedShard) -> ShardTally | None:
        """Process one shard: its tally once it is committed, None if it was abandoned on request.

        Waits while as many others are open as the limits allow, in the order of the calls.
        """
        async with self._places:
            return await self._opened(shard)

    async def _opened(self, shard: StagedShard) -> ShardTally | None:
        if self._desired is not DesiredState.RUN:
            return None
        self._open[shard.shard_id] = OpenWork()
        self._open_rows += shard.rows - shard.invalid_rows
        task = self._tasks[shard.shard_id] = asyncio.create_task(self._process(shard))
        try:
            tally = await task
        except asyncio.CancelledError:
            if not task.cancelled() or self._desired is DesiredState.RUN:
                raise
            tally = None
        finally:
            task.cancel()
            del self._tasks[shard.shard_id], self._open[shard.shard_id]
            self._open_rows -= shard.rows - shard.invalid_rows
            self._started.discard(shard.shard_id)
        if tally is not None:
            self._unreported.append(tally)
        return tally

    def apply(self, orders: Orders) -> None:
        """Apply orders: a drain abandons shards that have not begun, a cancel abandons all of them.

        If the job is delivered when it is cancelled (``orders.cancels``), no row begins, and rows that are still in the
        engine when the grace time is over are aborted. Called every second, so that it notices that time.
        """
        self._runner.max_tokens = orders.max_tokens
        if orders.expires_in is not None:
            self._gate.expire_in(orders.expires_in)
        self._gate.cancel(is_cancelled=orders.cancels)
        if self._gate.is_over:
            self._runner.abort()
        desired = orders.desired
        if desired is self._desired:
            return
        _log.info("event=obey job_id=%s replica=%s desired=%s", self._job.job_id, self._replica_id, desired.value)
        self._desired = desired
        if desired is DesiredState.RUN:
            return
        for shard_id, task in self._tasks.items():
            if desired is DesiredState.CANCEL or shard_id not in self._started:
                task.cancel()

    def report(self) -> ReplicaReport:
        """Return the state for the scoreboard. Committed shards are repeated until ``reported`` is called."""
        first = self._runner.first_row_at
        open_ = OpenWork.total(self._open.values())
        left = self._open_rows - sum(work.ended for work in open_.lengths.values())
        self._slots.add_running(open_.lengths)
        inside = self._engine.in_flight()
        return ReplicaReport(
            replica_id=self._replica_id,
            ready=True,
            applied=self._desired,
            open=open_,
            open_shards=len(self._open),
            share=self._slots.share(left),
            generated=self._count(inside),
            flight=self._flight(inside),
            committed=tuple(self._unreported),
            first_row_age=None if first is None else self._job.clock.monotonic() - first,
            latency=self._runner.latency.counts,
            failed_example=self._runner.failed_example,
            peak_memory_mb=self._memory.mb(),
            inside=self._runner.inside,
            begun=first_shards(sorted(self._started)),
            engine=self._engine.statistics(),
            store=use_of(self._job.store),
        )

    def reported(self, report: ReplicaReport) -> None:
        """Note that the scoreboard has received ``report``."""
        taken = {tally.shard_id for tally in report.committed}
        self._unreported = [tally for tally in self._unreported if tally.shard_id not in taken]

    def _count(self, inside: InFlight | None) -> int | None:
        """Return the tokens written so far, which never fall.

        For a moment a row is in neither of the engine's sums. The tokens of an abandoned row leave both.
        """
        if inside is None:
            return None
        self._generated = max(self._generated, inside.ended + inside.generated)
        return self._generated

    def _flight(self, inside: InFlight | None) -> Flight | None:
        """Return what open rows have come to. The engine counts prompts in tokens, rows are staged by characters."""
        if inside is None:
            return None
        read = inside.prompt_read / inside.prompt_open if inside.prompt_open else 0.0
        return Flight(tokens=inside.generated, chars=round(read * self._slots.prompt_chars))

    async def _process(self, shard: StagedShard) -> ShardTally | None:
        rows = await self._patience.call(read_staged_shard, self._job, shard)
        suspicion = await self._patience.call(self._crashes.suspicion)
        counts = self._open[shard.shard_id]
        try:
            results = await self._runner.run(rows, counts, suspicion, lambda: self._started.add(shard.shard_id))
        except ExceptionGroup as group:
            outage = next((error for error in group.exceptions if isinstance(error, StoreError)), group)
            raise outage from None
        tally = self._tally(shard.shard_id, counts, len(results))
        return await self._patience.call(self._commit.commit, results, tally)

    def _engine_died(self, error: EngineDiedError, inside: tuple[str, ...]) -> None:
        """Record the rows that were in the engine, for the replicas that run them next."""
        crash = Crash(
            generation=self._job.generation,
            replica_id=self._replica_id,
            crashed_at=self._job.clock.now(),
            error=type(error).__name__,
            rows=inside,
        )
        try:
            self._crashes.record(crash)
        except StoreError as problem:
            _log.warning("event=crash_unrecorded job_id=%s rows=%d error=%s", self._job.job_id, len(inside), problem)
        self._on_engine_death(error)

    def _tally(self, shard_id: str, counts: OpenWork, rows: int) -> ShardTally:
        return ShardTally(
            shard_id=shard_id,
            generation=self._job.generation,
            rows=rows,
            succeeded=counts.succeeded,
            failed=counts.failed,
            expired=counts.expired,
            cancelled=counts.cancelled,
            prompt_tokens=counts.prompt_tokens,
            completion_tokens=counts.completion_tokens,
            cached_tokens=counts.cached_tokens,
            errors=counts.errors,
            model=self._model,
            model_digest=self._model_digest,
            lengths=answers_of(counts.lengths),
        )
