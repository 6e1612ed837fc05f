"""Answers that are used again while what gives them does not work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Generic, TypeVar

from cachetools import TTLCache

from llmbatch.core.clock import Clock
from llmbatch.core.errors import StoreError
from llmbatch.gateway.wire.failures import Failure

Answer = TypeVar("Answer")

REFUSALS = (401, 403)
"""Statuses that end what was allowed before."""


class Lasting(Generic[Answer]):
    """Keeps the last answer for each key. It stands in for a new one only if that fails or takes too long.

    Args:
        seconds: time for which an answer stands in.
        most: answers that are kept.
        patience: longest time, in seconds, in which a new answer is awaited while there is a kept one.
        clock: for the age of answers.
    """

    def __init__(self, seconds: float, most: int, patience: float, clock: Clock) -> None:
        self._patience = patience
        self._kept: TTLCache[Hashable, tuple[Answer]] = TTLCache(most, seconds, timer=clock.monotonic)

    async def get(self, key: Hashable, read: Callable[[], Coroutine[None, None, Answer]]) -> Answer:
        """Return a new answer, or while there is none, the last one.

        Raises:
            Failure: a refusal, which ends what was kept; or there is neither a new answer nor an earlier one.
            StoreError: the store failed, and there is no earlier answer.
        """
        kept = self._kept.get(key)
        try:
            async with asyncio.timeout(None if kept is None else self._patience):
                answer = await read()
        except (Failure, StoreError, TimeoutError) as error:
            if isinstance(error, Failure) and error.status in REFUSALS:
                self._kept.pop(key, None)
            if kept is None or (isinstance(error, Failure) and error.status < 500):
                raise
            return kept[0]
        self._kept[key] = (answer,)
        return answer
