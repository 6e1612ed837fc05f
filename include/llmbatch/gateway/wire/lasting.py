"""Answers that are used again while what gives them does not work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Generic, TypeVar

from cachetools import TTLCache

from llmbatch.core.clock import Clock
from llmbatch.core.errors import StoreError
from llmbatch.gateway.wire.failures import Failure, unavailable

Answer = TypeVar("Answer")

REFUSALS = (401, 403)
"""Statuses that end what was allowed before."""


class Lasting(Generic[Answer]):
    """Keeps the last answer for each key. It stands in for a new one only if that fails or takes too long.

    Args:
        seconds: time for which an answer stands in.
        most: answers that are kept.
        patience: longest time of one attempt, in seconds.
        clock: for the age of answers.
    """

    def __init__(self, seconds: float, most: int, patience: float, clock: Clock) -> None:
        self._patience = patience
        self._kept: TTLCache[Hashable, Answer] = TTLCache(most, seconds, timer=clock.monotonic)

    async def get(self, key: Hashable, read: Callable[[], Coroutine[None, None, Answer]]) -> Answer:
        """Return a new answer, or while there is none, the last one.

        Raises:
            Failure: a refusal, which ends what was kept; or there is neither a new answer nor an earlier one.
            StoreError: the store failed, and there is no earlier answer.
        """
        error: Failure | StoreError
        try:
            async with asyncio.timeout(self._patience):
                answer = await read()
        except TimeoutError:
            error = unavailable("A part of the system does not answer. Repeat the request.")
        except StoreError as failed:
            error = failed
        except Failure as failure:
            if failure.status < 500:
                if failure.status in REFUSALS:
                    self._kept.pop(key, None)
                raise
            error = failure
        else:
            self._kept[key] = answer
            return answer
        if key not in self._kept:
            raise error
        return self._kept[key]
