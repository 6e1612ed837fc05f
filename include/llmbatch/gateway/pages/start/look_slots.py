"""How many first looks a process does at a time, in threads of their own: one look may take seconds."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from llmbatch.gateway.wire.failures import Failure

THREADS = 2
MOST = 16
"""Looks that run or wait."""
MOST_EACH = 3
"""Of one user: a script asks again while a person types."""
RETRY_SECONDS = 3

Found = TypeVar("Found")


class LookSlots:
    """Runs looks. Used by one event loop."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="first-rows")
        self._open: Counter[str] = Counter()

    async def run(self, user: str, look: Callable[[], Found]) -> Found:
        """Return what ``look`` returns; its errors pass.

        Raises:
            Failure: 429 for a user with too many looks, 503 if there are too many of all users.
        """
        if self._open[user] >= MOST_EACH:
            raise _busy(429, f"{MOST_EACH} looks of yours at first rows are running. Wait for one of them to end.")
        if self._open.total() >= MOST:
            raise _busy(503, "The server looks at as many inputs as it can. Try again later.")
        self._open[user] += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, look)
        future.add_done_callback(lambda _: self._ended(user))
        return await asyncio.shield(future)

    def _ended(self, user: str) -> None:
        self._open[user] -= 1
        if not self._open[user]:
            del self._open[user]


def _busy(status: int, message: str) -> Failure:
    return Failure(
        status,
        message,
        type="rate_limit_error" if status == 429 else "server_error",
        code="rate_limit_exceeded" if status == 429 else "server_busy",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )
