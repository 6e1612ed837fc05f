"""One engine at work: reads staged shards, keeps a window of rows in the engine, commits one object a shard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from llmbatch.cluster.engines.base import Engine, EngineDiedError, InFlight
from llmbatch.cluster.exchange.length_work import answers_of
from llmbatch.cluster.exchange.replica_report import OpenWork, Orders, ReplicaReport
from llmbatch.cluster.replica.crash_book import CrashBook
from llmbatch.cluster.replica.row_runner import RowRunner
from llmbatch.cluster.replica.slots import Slots
from llmbatch.cluster.replica.window import RowWindow
from llmbatch.cluster.storage.patience import patiently
from llmbatch.cluster.storage.shard_table import read_staged, read_tally, write_results
from llmbatch.core.claims import require_latest
from llmbatch.core.clock import Clock
from llmbatch.core.crashes import Crash
from llmbatch.core.errors import ObjectExists, StoreError
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import Flight
from llmbatch.core.rows import ResultRow, StagedRow
from llmbatch.core.shards import ShardTally, StagedShard
from llmbatch.core.states import DesiredState
from llmbatch.core.store import ObjectStore

_log = logging.getLogger(__name__)


class Replica:
    """Processes shards, several at a time, on one event loop.

    A shard ends in one of two ways: committed (its tally is returned) or abandoned (None; nothing was written, and
    whoever resumes the job does it anew). Rows that fail are outcomes of a committed shard.
    """

    def __init__(
        self,
        *,
        job_id: str,
        generation: int,
        replica_id: str,
        layout: JobLayout,
        store: ObjectStore,
        engine: Engine,
        window_rows: int,
        max_num_seqs: int,
        clock: Clock,
        on_engine_death: Callable[[EngineDiedError], None],
        expires_at: datetime | None = None,
        model: str = "",
    ) -> None:
        self._model = model
        self._job_id, self._generation, self._replica_id = job_id, generation, replica_id
        self._layout, self._store, self._clock = layout, store, clock
        self._on_engine_death = on_engine_death
        self._crashes = CrashBook(store, layout)
        self._engine, self._generated = engine, 0
        self._slots = Slots(max_num_seqs, clock)
        self._runner = RowRunner(
            job_id=job_id,
            engine=engine,
            window=RowWindow(window_rows),
            slots=self._slots,
            clock=clock,
            expires_at=expires_at,
            on_engine_death=self._engine_died,
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
        """Process one shard: its tally once it is committed, None if it was abandoned on request."""
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

    def obey(self, orders: Orders) -> None:
        """Take the orders: drain gives up shards that have not begun, cancel gives up all of them."""
        self._runner.max_tokens = orders.max_tokens
        desired = orders.desired
        if desired is self._desired:
            return
        _log.info("job_id=%s replica=%s event=obey desired=%s", self._job_id, self._replica_id, desired.value)
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
            obeys=self._desired,
            open=open_,
            open_shards=len(self._open),
            share=self._slots.share(left),
            generated=self._count(inside),
            flight=self._flight(inside),
            committed=tuple(self._unreported),
            first_row_age=None if first is None else self._clock.monotonic() - first,
            latency=self._runner.latency.counts,
            failed_example=self._runner.failed_example,
        )

    def reported(self, report: ReplicaReport) -> None:
        """Note that the scoreboard has taken ``report``."""
        told = {tally.shard_id for tally in report.committed}
        self._unreported = [tally for tally in self._unreported if tally.shard_id not in told]

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
        rows = await patiently(self._read, shard)
        suspicion = await patiently(self._crashes.suspicion)
        counts = self._open[shard.shard_id]
        results = await self._runner.run(rows, counts, suspicion, lambda: self._started.add(shard.shard_id))
        return await patiently(self._commit, results, self._tally(shard.shard_id, counts, len(results)))

    def _read(self, shard: StagedShard) -> list[StagedRow]:
        with self._store.open_stream(self._layout.staged_shard(shard.shard_id), shard.etag) as stream:
            return read_staged(stream.read())

    def _engine_died(self, error: EngineDiedError, inside: tuple[str, ...]) -> None:
        """Leave a record of the rows that were in the engine, for whoever runs them next."""
        crash = Crash(
            generation=self._generation,
            replica_id=self._replica_id,
            crashed_at=self._clock.now(),
            error=type(error).__name__,
            rows=inside,
        )
        try:
            self._crashes.record(crash)
        except StoreError as problem:
            _log.warning("job_id=%s event=crash_unrecorded rows=%d error=%s", self._job_id, len(inside), problem)
        self._on_engine_death(error)

    def _tally(self, shard_id: str, counts: OpenWork, rows: int) -> ShardTally:
        return ShardTally(
            shard_id=shard_id,
            generation=self._generation,
            rows=rows,
            succeeded=counts.succeeded,
            failed=counts.failed,
            expired=counts.expired,
            prompt_tokens=counts.prompt_tokens,
            completion_tokens=counts.completion_tokens,
            cached_tokens=counts.cached_tokens,
            model=self._model,
            lengths=answers_of(counts.lengths),
        )

    def _commit(self, results: list[ResultRow], tally: ShardTally) -> ShardTally:
        """Write the shard's object; if somebody has committed it already, theirs is the truth."""
        require_latest(self._store, self._layout, self._job_id, self._generation)
        uri = self._layout.result_shard(tally.shard_id)
        try:
            self._store.create(uri, write_results(results, tally))
        except ObjectExists:
            theirs = read_tally(self._store, self._store.head(uri))
            _log.warning(
                "job_id=%s shard=%s event=committed_already by_generation=%d generation=%d",
                self._job_id,
                tally.shard_id,
                theirs.generation,
                self._generation,
            )
            return theirs
        return tally
