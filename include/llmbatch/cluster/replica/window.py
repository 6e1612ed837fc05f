"""The rolling window of rows in one replica."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class RowWindow:
    """Admits at most ``size`` rows at a time, shard by shard.

    A shard takes the turn, admits its rows one after the other, and hands the turn on. So shards fill in order, the
    oldest finishes first, and the next one starts while the last rows of the ones before it still run: no barrier.
    The turn is fair: ``asyncio.Lock`` wakes its waiters in the order in which they came.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = asyncio.Semaphore(size)
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold the right to admit rows."""
        async with self._turn:
            yield

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Hold the turn and the whole window: nothing else is in the engine, and nothing comes in."""
        async with self._turn:
            taken = 0
            try:
                for _ in range(self.size):
                    await self._free.acquire()
                    taken += 1
                yield
            finally:
                for _ in range(taken):
                    self._free.release()

    async def admit(self) -> None:
        """Wait for a free place and take it."""
        await self._free.acquire()

    def leave(self) -> None:
        """Give the place back."""
        self._free.release()
