"""Retries of store calls: an outage of minutes must not cost finished work."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.core.errors import StoreError

PATIENCE_SECONDS = 300.0
"""How long the store may fail before a job gives up (exit code 21)."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)


class Patience:
    """Retries blocking store calls of one job for up to ``PATIENCE_SECONDS``, measured on the job's monotonic clock.

    Args:
        job: whose clock and id are used.
        sleep: waits for so many seconds between two attempts.
    """

    def __init__(self, job: JobContext, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._job, self._sleep = job, sleep

    async def call(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking call in a thread; repeat it while the store fails, with growing pauses of up to 15 s.

        Raises:
            StoreError: the store failed for too long, or the error is not retryable.
        """
        give_up = self._job.clock.monotonic() + PATIENCE_SECONDS
        pause = _FIRST_PAUSE
        while True:
            try:
                return await asyncio.to_thread(call, *args, **kwargs)
            except StoreError as error:
                if not error.retryable or self._job.clock.monotonic() + pause > give_up:
                    raise
                _log.warning("event=store_failed job_id=%s retry_in_s=%.1f error=%s", self._job.job_id, pause, error)
            await self._sleep(pause * random.uniform(0.5, 1.0))  # nosec B311 # spreads retries
            pause = min(_LONGEST_PAUSE, pause * 2)
