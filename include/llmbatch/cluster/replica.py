"""One engine at work: reads staged shards, keeps a window of rows in the engine, commits one object a shard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from llmbatch.cluster.engines.base import Engine, EngineDiedError
from llmbatch.cluster.latency_sketch import LatencySketch
from llmbatch.cluster.outcome import failed, succeeded
from llmbatch.cluster.patience import patiently
from llmbatch.cluster.replica_report import OpenWork, ReplicaReport
from llmbatch.cluster.shard_table import read_staged, read_tally, write_results
from llmbatch.cluster.window import RowWindow
from llmbatch.core.clock import Clock
from llmbatch.core.errors import ObjectExists, RowError
from llmbatch.core.layout import JobLayout
from llmbatch.core.rows import ResultRow, StagedRow
from llmbatch.core.shards import ShardTally, StagedShard
from llmbatch.core.states import DesiredState, ErrorClass, RowState
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
        clock: Clock,
        on_engine_death: Callable[[EngineDiedError], None],
    ) -> None:
        self._job_id, self._generation, self._replica_id = job_id, generation, replica_id
        self._layout, self._store, self._engine, self._clock = layout, store, engine, clock
        self._on_engine_death = on_engine_death
        self._window = RowWindow(window_rows)
        self._open: dict[str, OpenWork] = {}
        self._started: set[str] = set()
        self._tasks: dict[str, asyncio.Task[ShardTally | None]] = {}
        self._unreported: list[ShardTally] = []
        self._latency = LatencySketch()
        self._first_row_at: float | None = None
        self._failed_example: str | None = None
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
            self._started.discard(shard.shard_id)
        if tally is not None:
            self._unreported.append(tally)
        return tally

    def obey(self, desired: DesiredState) -> None:
        """Take the desired state: drain gives up shards that have not begun, cancel gives up all of them."""
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
        return ReplicaReport(
            replica_id=self._replica_id,
            ready=True,
            obeys=self._desired,
            open=OpenWork.total(self._open.values()),
            open_shards=len(self._open),
            committed=tuple(self._unreported),
            first_row_age=None if self._first_row_at is None else self._clock.monotonic() - self._first_row_at,
            latency=self._latency.counts,
            failed_example=self._failed_example,
        )

    def reported(self, report: ReplicaReport) -> None:
        """Note that the scoreboard has taken ``report``."""
        told = {tally.shard_id for tally in report.committed}
        self._unreported = [tally for tally in self._unreported if tally.shard_id not in told]

    async def _process(self, shard: StagedShard) -> ShardTally | None:
        rows = await patiently(self._read, shard)
        results = await self._answer_all(shard.shard_id, rows)
        tally = self._tally(shard.shard_id, results)
        return await patiently(self._commit, results, tally)

    def _read(self, shard: StagedShard) -> list[StagedRow]:
        with self._store.open_stream(self._layout.staged_shard(shard.shard_id), shard.etag) as stream:
            return read_staged(stream.read())

    async def _answer_all(self, shard_id: str, rows: list[StagedRow]) -> list[ResultRow]:
        """Put the rows into the engine as places become free; return the outcomes in input order."""
        counts = self._open[shard_id]
        pending: list[asyncio.Task[ResultRow] | ResultRow] = []
        async with asyncio.TaskGroup() as group, self._window.turn():
            self._started.add(shard_id)
            for row in rows:
                if row.error_class is not None:
                    result = failed(row, row.error_class, row.error or "", attempts=0)
                    self._count(counts, row, result)
                    pending.append(result)
                    continue
                await self._window.admit()
                counts.running += 1
                if self._first_row_at is None:
                    self._first_row_at = self._clock.monotonic()
                task = group.create_task(self._answer(counts, row))
                # A callback and not a `finally`: a task that is cancelled before its first step runs no code.
                task.add_done_callback(partial(self._leave, counts))
                pending.append(task)
        return [item if isinstance(item, ResultRow) else item.result() for item in pending]

    async def _answer(self, counts: OpenWork, row: StagedRow) -> ResultRow:
        started = self._clock.monotonic()
        try:
            answer = await self._engine.generate(row)
        except RowError as error:
            result = failed(row, error.error_class.value, error.message, self._clock.monotonic() - started)
        except EngineDiedError as error:
            self._on_engine_death(error)
            raise
        except Exception as error:  # an engine's bug with one row must not cost the others
            # The type only: an engine's message may quote the prompt, which belongs into the dead letter, not the log.
            _log.warning(
                "job_id=%s row_id=%s event=row_failed error=%s", self._job_id, row.row_id, type(error).__name__
            )
            message = f"{type(error).__name__}: {error}"
            result = failed(row, ErrorClass.ENGINE.value, message, self._clock.monotonic() - started)
        else:
            seconds = self._clock.monotonic() - started
            self._latency.add(seconds)
            result = succeeded(row, answer, seconds)
        self._count(counts, row, result)
        return result

    def _leave(self, counts: OpenWork, _ended: object) -> None:
        counts.running -= 1
        self._window.leave()

    def _count(self, counts: OpenWork, row: StagedRow, result: ResultRow) -> None:
        counts.input_chars += row.input_chars
        if result.state == RowState.SUCCEEDED.value:
            counts.succeeded += 1
            counts.prompt_tokens += result.prompt_tokens
            counts.completion_tokens += result.completion_tokens
            counts.cached_tokens += result.cached_tokens
        else:
            counts.failed += 1
            if self._failed_example is None:
                self._failed_example = f"row {result.row_id} (line {result.line}): {result.error_class}"

    def _tally(self, shard_id: str, results: list[ResultRow]) -> ShardTally:
        counts = self._open[shard_id]
        return ShardTally(
            shard_id=shard_id,
            generation=self._generation,
            rows=len(results),
            succeeded=counts.succeeded,
            failed=counts.failed,
            prompt_tokens=counts.prompt_tokens,
            completion_tokens=counts.completion_tokens,
            cached_tokens=counts.cached_tokens,
        )

    def _commit(self, results: list[ResultRow], tally: ShardTally) -> ShardTally:
        """Write the shard's object; if somebody has committed it already, theirs is the truth."""
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
