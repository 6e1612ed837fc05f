"""Ends the remaining rows of a job that is late or cancelled, without an engine."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from llmbatch.cluster.replica.crash_book import CrashBook
from llmbatch.cluster.replica.row_outcome import cancelled, expired, unanswerable
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.patience import Patience
from llmbatch.cluster.storage.shard_commit import ShardCommit
from llmbatch.cluster.storage.shard_table import read_staged_shard
from llmbatch.core.rows import ResultRow, StagedRow
from llmbatch.core.shards import ShardTally, StagedShard
from llmbatch.core.states import ErrorClass, RowState

_SHARDS_AT_ONCE = 12


def end_shards(
    job: JobContext,
    shards: Iterable[StagedShard],
    rest: RowState,
    deadline: datetime,
    on_tally: Callable[[ShardTally], None],
) -> None:
    """Commit shards none of whose rows has run, several shards at a time.

    Rows that no engine could answer (invalid ones, and those that crashed an engine alone) fail, as in a replica.

    Args:
        job: the generation that commits.
        shards: those that are not committed.
        rest: how the rows end that an engine could have answered: as expired or as cancelled.
        deadline: when they expired.
        on_tally: called with the tally of every commit, also where another process was faster.

    Raises:
        StoreError: the store failed for longer than ``PATIENCE_SECONDS``.
        Superseded: a later generation has claimed the job.
    """
    crashes, commit, patience = CrashBook(job), ShardCommit(job), Patience(job)
    outcome: Callable[[StagedRow], ResultRow] = partial(expired, deadline=deadline)
    if rest is RowState.CANCELLED:
        outcome = cancelled

    async def end(shard: StagedShard) -> ShardTally:
        rows = await patience.call(read_staged_shard, job, shard)
        poison = (await patience.call(crashes.suspicion)).poison
        results = [unanswerable(row, poison) or outcome(row) for row in rows]
        return await patience.call(commit.commit, results, _tally(shard.shard_id, job.generation, results))

    async def end_all() -> None:
        places = asyncio.Semaphore(_SHARDS_AT_ONCE)

        async def one(shard: StagedShard) -> None:
            async with places:
                tally = await end(shard)
            on_tally(tally)

        await asyncio.gather(*(one(shard) for shard in shards))

    asyncio.run(end_all())


def _tally(shard_id: str, generation: int, results: list[ResultRow]) -> ShardTally:
    states = Counter(result.state for result in results)
    return ShardTally(
        shard_id=shard_id,
        generation=generation,
        rows=len(results),
        succeeded=0,
        failed=states[RowState.FAILED.value],
        expired=states[RowState.EXPIRED.value],
        cancelled=states[RowState.CANCELLED.value],
        errors=Counter(ErrorClass(result.error_class) for result in results if result.error_class is not None),
    )
