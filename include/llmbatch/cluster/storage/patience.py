"""Patience with the store: finished work is worth waiting minutes for."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from llmbatch.core.errors import StoreError

PATIENCE_SECONDS = 300.0
"""How long the store may fail before a job gives up (exit code 21)."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)


async def patiently(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call in a thread; repeat it while the store fails, with growing pauses, up to five minutes.

    Raises:
        StoreError: it failed for too long, or in a way that waiting does not mend.
    """
    give_up = time.monotonic() + PATIENCE_SECONDS
    pause = _FIRST_PAUSE
    while True:
        try:
            return await asyncio.to_thread(call, *args, **kwargs)
        except StoreError as error:
            if not error.retryable or time.monotonic() + pause > give_up:
                raise
            _log.warning("event=store_failed retry_in_s=%.1f error=%s", pause, error)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(_LONGEST_PAUSE, pause * 2)
