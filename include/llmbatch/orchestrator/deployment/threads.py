"""Threads for calls that block, one bounded pool for each use.

``asyncio.to_thread`` has one small pool for a whole triggerer: a receiver of alerts or a store that does not answer
fills it, and then no trigger can find out whether its task was cleared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """A pool of at most ``most`` threads, which are started when they are needed.

    Args:
        name: of the threads, for a debugger.
        most: calls at a time; later ones wait for a free thread.
    """

    def __init__(self, name: str, most: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=most, thread_name_prefix=name)

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking call in the context of the caller, which carries the task's log, and return its result."""
        work = partial(copy_context().run, partial(call, *args, **kwargs))
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


RUN_STATES = Threads("run-states", 8)
"""For questions to Airflow: they decide whether a Ray job is stopped."""

HEARTBEATS = Threads("heartbeats", 8)
"""For reading jobs' heartbeats."""

ALERTS = Threads("alerts", 8)
"""For raising and delivering alerts, and for reactions."""

INBOXES = Threads("inboxes", 2)
"""For looking at the inboxes of the drop folder."""
