"""Readings that concurrent requests share: each is made once, and used for a short time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Generic, TypeVar

from cachetools import TTLCache

from llmbatch.core.clock import Clock
from llmbatch.gateway.wire.failures import Failure

Reading = TypeVar("Reading")


class Shared(Generic[Reading]):
    """One reading at a time for each key. Requests that come meanwhile wait for it; later ones get the same object.

    A failed reading is not kept. All that waited get its error; if it refuses its own caller, they read again with the
    rights of theirs, unless the key names the caller. A request that is cancelled leaves its reading to the others.

    Args:
        seconds: time after whose end a request makes a new reading.
        most: readings that are kept.
        clock: for their age.
        usable: time for which requests get the old reading while the new one is made; after it they wait.
        size: of a reading; ``most`` is then the sum of all that are kept, and none above a sixteenth of it is.
        is_per_caller: whether the key names the caller, so that a refusal is that of all who wait, and ends the use
            of the old reading.
    """

    def __init__(
        self,
        seconds: float,
        most: int,
        clock: Clock,
        *,
        usable: float | None = None,
        size: Callable[[Reading], int] | None = None,
        is_per_caller: bool = False,
    ) -> None:
        self._seconds, self._clock = seconds, clock
        lifetime = seconds if usable is None else usable
        self._most, self._size, self._is_per_caller = most, size, is_per_caller
        self._kept: TTLCache[Hashable, tuple[float, Reading]] = TTLCache(
            most, lifetime, timer=clock.monotonic, getsizeof=None if size is None else lambda kept: size(kept[1])
        )
        self._flights: dict[Hashable, asyncio.Task[Reading]] = {}

    def clear(self) -> None:
        """Forget all readings. Those that are being made go to the requests that wait for them, and are not kept."""
        self._kept.clear()
        self._flights = {}

    async def get(self, key: Hashable, read: Callable[[], Coroutine[None, None, Reading]]) -> Reading:
        """Return the reading of this key; errors of ``read`` pass."""
        while True:
            if (kept := self._kept.get(key)) is not None:
                made, reading = kept
                if self._clock.monotonic() - made >= self._seconds and key not in self._flights:
                    self._start(key, read)
                return reading
            if (flight := self._flights.get(key)) is None:
                return await asyncio.shield(self._start(key, read))
            await asyncio.wait([flight])  # ends the wait alone if this request is cancelled
            if (error := flight.exception()) is None:
                return flight.result()
            if self._is_per_caller or not _is_refusal(error):
                raise error

    def _start(self, key: Hashable, read: Callable[[], Coroutine[None, None, Reading]]) -> asyncio.Task[Reading]:
        task = asyncio.create_task(read())
        self._flights[key] = task

        def end(done: asyncio.Task[Reading]) -> None:
            if self._flights.get(key) is not done:
                return
            del self._flights[key]
            if done.cancelled():
                return
            if (error := done.exception()) is not None:
                if self._is_per_caller and _is_refusal(error):
                    self._kept.pop(key, None)
            elif self._fits(done.result()):
                self._kept[key] = (self._clock.monotonic(), done.result())

        task.add_done_callback(end)
        return task

    def _fits(self, reading: Reading) -> bool:
        return self._size is None or self._size(reading) <= self._most // 16


def _is_refusal(error: BaseException) -> bool:
    return isinstance(error, Failure) and error.status < 500
