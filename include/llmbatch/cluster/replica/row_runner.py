"""Puts rows into one engine and turns what comes back into outcomes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from llmbatch.cluster.engines.base import Engine, EngineDiedError
from llmbatch.cluster.exchange.latency_sketch import LatencySketch
from llmbatch.cluster.exchange.length_work import LengthWork
from llmbatch.cluster.exchange.replica_report import OpenWork
from llmbatch.cluster.replica.answer_limit import shortened
from llmbatch.cluster.replica.request_id import request_id_of
from llmbatch.cluster.replica.row_gate import RowGate
from llmbatch.cluster.replica.row_outcome import cancelled, failed, succeeded, unanswerable
from llmbatch.cluster.replica.slots import Slots
from llmbatch.cluster.replica.window import RowWindow
from llmbatch.core.clock import Clock
from llmbatch.core.crashes import Suspicion, groups
from llmbatch.core.errors import RowError, StoreError
from llmbatch.core.length_cells import LengthClass, class_of
from llmbatch.core.rows import ResultRow, StagedRow
from llmbatch.core.states import ErrorClass, RowState

_log = logging.getLogger(__name__)

OnEngineDeath = Callable[[EngineDiedError, tuple[str, ...]], None]
"""Called once with the error and the ids of the rows that were in the engine."""

ANNOUNCED_ROWS = 16
"""Rows that are announced together; an eighth of the window if that is more."""


class RowRunner:
    """Runs the rows of several shards at a time on one event loop.

    No row begins that the gate refuses.

    A row may end this process before any code can report it. So rows are announced before they enter the engine: the
    successor of the process then knows which rows were ``inside``, and perhaps a few that were about to enter.
    """

    def __init__(
        self,
        *,
        job_id: str,
        engine: Engine,
        window: RowWindow,
        slots: Slots,
        clock: Clock,
        gate: RowGate,
        on_engine_death: OnEngineDeath,
        announce: Callable[[], Awaitable[None]],
    ) -> None:
        self._job_id, self._engine, self._window, self._clock = job_id, engine, window, clock
        self._slots, self._gate, self._on_engine_death = slots, gate, on_engine_death
        self._announce, self._dead = announce, False
        self._expected, self._begun = set[str](), set[str]()
        self._running: set[asyncio.Task[None]] = set()
        self._aborted = False
        self.max_tokens: int | None = None
        self.latency = LatencySketch()
        self.first_row_at: float | None = None
        self.failed_example: str | None = None

    def abort(self) -> None:
        """End the rows that have begun as cancelled."""
        self._aborted = True
        running, self._running = self._running, set()  # each once, for an engine may need a moment to let a row go
        for task in running:
            task.cancel()

    @property
    def inside(self) -> tuple[str, ...]:
        """Ids of the rows that are in the engine or may enter it without another announcement, sorted."""
        return tuple(sorted(self._expected.union(self._begun, self._slots.rows)))

    async def run(
        self, rows: Sequence[StagedRow], counts: OpenWork, suspicion: Suspicion, on_turn: Callable[[], None]
    ) -> list[ResultRow]:
        """Return the outcomes of one shard's rows, in their order.

        Rows enter as places become free. Suspects of a crash wait for the others, then run alone.

        Args:
            rows: the shard.
            counts: counted up while rows run and end.
            suspicion: which rows earlier crashes make suspect.
            on_turn: called when the shard's first row may enter.

        Raises:
            ExceptionGroup: of ``EngineDiedError`` or ``StoreError``; the shard has no outcome.
        """
        suspects = groups((row.row_id for row in rows), suspicion)
        apart = frozenset(row_id for group in suspects for row_id in group)
        outcomes: dict[str, ResultRow] = {}
        async with asyncio.TaskGroup() as tasks, self._window.turn():
            on_turn()
            free: list[StagedRow] = []
            for row in rows:
                ended = unanswerable(row, suspicion.poison)
                if ended is not None:
                    self._end(counts, row, ended, outcomes)
                elif row.row_id not in apart:
                    free.append(row)
            together = max(ANNOUNCED_ROWS, self._window.size // 8)
            for start in range(0, len(free), together):
                part = free[start : start + together]
                async with self._announced(row.row_id for row in part):
                    for row in part:
                        await self._admit(tasks, counts, row, outcomes)
        by_id = {row.row_id: row for row in rows}
        for group in suspects:
            async with self._window.alone(), self._announced(group), asyncio.TaskGroup() as tasks:
                for row_id in group:
                    if row_id not in outcomes and not self._refuse(counts, by_id[row_id], outcomes):
                        self._begin(tasks, counts, by_id[row_id], outcomes, lambda: None)
        return [outcomes[row.row_id] for row in rows]

    @asynccontextmanager
    async def _announced(self, row_ids: Iterable[str]) -> AsyncIterator[None]:
        """Announce rows before they enter. Only the shard that has the turn does so."""
        self._expected.update(row_ids)
        try:
            await self._announce()
            yield
        finally:
            self._expected.clear()

    async def _admit(
        self, tasks: asyncio.TaskGroup, counts: OpenWork, row: StagedRow, outcomes: dict[str, ResultRow]
    ) -> None:
        """Begin the row once there is a place, unless the gate refuses it by then."""
        if self._refuse(counts, row, outcomes):
            return
        await self._window.admit()
        # The wait for a place may have been long.
        if self._refuse(counts, row, outcomes):
            self._window.leave()
        else:
            self._begin(tasks, counts, row, outcomes, self._window.leave)

    def _begin(
        self,
        tasks: asyncio.TaskGroup,
        counts: OpenWork,
        row: StagedRow,
        outcomes: dict[str, ResultRow],
        leave: Callable[[], None],
    ) -> None:
        counts.running += 1
        self._expected.discard(row.row_id)
        self._begun.add(row.row_id)
        started = self._clock.monotonic()
        if self.first_row_at is None:
            self.first_row_at = started

        def ended(done: asyncio.Task[None]) -> None:
            counts.running -= 1
            self._begun.discard(row.row_id)
            self._running.discard(done)
            if done.cancelled() and self._aborted:
                self._end(counts, row, cancelled(row, self._clock.monotonic() - started), outcomes)
            leave()

        task = tasks.create_task(self._answer(counts, row, outcomes))
        self._running.add(task)
        # A callback and not a `finally`: a task that is cancelled before its first step runs no code.
        task.add_done_callback(ended)

    async def _answer(self, counts: OpenWork, row: StagedRow, outcomes: dict[str, ResultRow]) -> None:
        started = self._clock.monotonic()
        self._slots.enter(row.row_id, _class(row), row.input_chars)
        self._begun.discard(row.row_id)
        try:
            answer = await self._engine.generate(
                shortened(row, self.max_tokens), request_id_of(self._job_id, row.row_id)
            )
        except RowError as error:
            result = failed(row, error.error_class.value, error.message, self._clock.monotonic() - started)
        except EngineDiedError as error:
            if not self._dead:
                self._dead = True
                self._on_engine_death(error, self._slots.rows)
            raise
        except StoreError:  # of its media, and after long patience: the row is not at fault
            raise
        except Exception as error:  # an engine's bug with one row must not cost the others
            # The type only: an engine's message may quote the prompt, which belongs into the dead letter, not the log.
            _log.warning(
                "event=row_failed job_id=%s row_id=%s error=%s", self._job_id, row.row_id, type(error).__name__
            )
            message = f"{type(error).__name__}: {error}"
            result = failed(row, ErrorClass.ENGINE.value, message, self._clock.monotonic() - started)
        else:
            seconds = self._clock.monotonic() - started
            self.latency.add(seconds)
            result = succeeded(row, answer, seconds)
        finally:
            decoded = self._slots.leave(row.row_id)
        self._end(counts, row, result, outcomes, decoded)

    def _refuse(self, counts: OpenWork, row: StagedRow, outcomes: dict[str, ResultRow]) -> bool:
        """End the row if the gate refuses it; return whether it does."""
        result = self._gate.refusal(row)
        if result is not None:
            self._end(counts, row, result, outcomes)
        return result is not None

    def _end(
        self,
        counts: OpenWork,
        row: StagedRow,
        result: ResultRow,
        outcomes: dict[str, ResultRow],
        decoded: float = 0.0,
    ) -> None:
        """Note how the row ended, after ``decoded`` seconds in a slot of the engine."""
        outcomes[row.row_id] = result
        answered = result.state == RowState.SUCCEEDED.value
        if row.error_class is None:  # the others never reach an engine
            work = counts.lengths.setdefault(_class(row), LengthWork())
            if answered:
                work.answer(result.completion_tokens, decoded)
                self._slots.answered(result.completion_tokens, row.input_chars, decoded)
            else:
                work.end()
        if answered:
            counts.succeeded += 1
            counts.prompt_tokens += result.prompt_tokens
            counts.completion_tokens += result.completion_tokens
            counts.cached_tokens += result.cached_tokens
        elif result.state == RowState.EXPIRED.value:
            counts.expired += 1
        elif result.state == RowState.CANCELLED.value:
            counts.cancelled += 1
        else:
            counts.failed += 1
            counts.errors[ErrorClass(result.error_class or ErrorClass.ENGINE)] += 1
            if self.failed_example is None:
                self.failed_example = f"row {result.row_id} (line {result.line}): {result.error_class}"


def _class(row: StagedRow) -> LengthClass:
    """Return what staging counted the row as, whatever an order shortens it to."""
    return class_of(row.input_chars, row.answer_limit)
