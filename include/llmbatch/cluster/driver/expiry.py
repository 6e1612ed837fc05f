"""Ends the rows of a job whose deadline passed before an engine was there: no engine is started for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from llmbatch.cluster.engines.base import Answer, EngineDiedError, InFlight
from llmbatch.cluster.replica.replica import Replica
from llmbatch.core.rows import StagedRow
from llmbatch.core.shards import ShardTally, StagedShard

_AT_ONCE = 12


class NoEngine:
    """Answers nothing, because every row it could be asked has expired."""

    async def start(self) -> None:
        """Nothing to load."""

    async def generate(self, row: StagedRow) -> Answer:
        """Refuse."""
        raise EngineDiedError(f"row {row.row_id} has not expired, and there is no engine here")

    def in_flight(self) -> InFlight:
        """Nothing is inside."""
        return InFlight()

    async def close(self) -> None:
        """Nothing to free."""


def expire_shards(replica: Replica, shards: Iterable[StagedShard], on_tally: Callable[[ShardTally], None]) -> None:
    """Commit shards whose rows have all expired, several at a time. Raises ``StoreError`` and ``Superseded``.

    Args:
        replica: one over ``NoEngine`` with a deadline in the past.
        shards: what is not committed.
        on_tally: told every commit, this one's or, if somebody was faster, theirs.
    """

    async def run() -> None:
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(shard: StagedShard) -> None:
            async with places:
                tally = await replica.process(shard)
            if tally is not None:
                on_tally(tally)

        await asyncio.gather(*(one(shard) for shard in shards))

    asyncio.run(run())
