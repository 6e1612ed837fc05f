"""Which shards of a job are committed: listed seldom, because a job may have 100,000 of them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from llmbatch.core.clock import Clock
from llmbatch.core.errors import ForeignManifest, ObjectMissing
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import read_manifest
from llmbatch.core.progress import Progress
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.pages.figures.shards import Shards, committed_states, marked, place_of
from llmbatch.gateway.wire.shared import Shared

LIST_SECONDS = 30.0
"""Least time between two lists of the results of a job of many shards."""
FEW_SHARDS = 1000
"""Shards that one request to the store lists."""
_FEW_SECONDS = 4.0
_USABLE_SECONDS = 600.0
_KEPT_SECONDS = 3600.0
_PATIENCE_SECONDS = 2.0
"""Time for which a page waits for the first list; the list goes on without it."""
_MOST_JOBS = 64
_FULL = 64
"""Shards that a heartbeat names at most."""


class JobShards:
    """Reads the shards of jobs for their figures.

    Args:
        store: where the jobs are.
        clock: for the age of what was read.
    """

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._listed: Shared[bytes] = Shared(LIST_SECONDS, _MOST_JOBS, clock, usable=_USABLE_SECONDS)
        self._listed_few: Shared[bytes] = Shared(_FEW_SECONDS, _MOST_JOBS, clock)
        self._proved: Shared[bytes] = Shared(_KEPT_SECONDS, _MOST_JOBS, clock)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="job-shards")

    async def running(self, layout: JobLayout, beat: Progress) -> Shards | None:
        """Return the shards of a job that has a heartbeat; None while the first list takes long.

        Raises:
            StoreError: the store failed.
        """
        total = beat.shards.total
        states = committed_states(total, ())
        if beat.shards.committed:
            listed = self._listed if total > FEW_SHARDS else self._listed_few
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    states = await listed.get(layout.root, lambda: self._list(layout, total))
            except TimeoutError:
                return None
        return Shards(
            marked(states, beat.running_shards, beat.redone_shards),
            rows_redone=beat.rows_redone,
            is_complete=max(len(beat.running_shards), len(beat.redone_shards)) < _FULL,
        )

    async def over(self, layout: JobLayout, beat: Progress | None) -> Shards | None:
        """Return the shards of a published job, with those that its last heartbeat says ran again.

        Raises:
            StoreError: the store failed.
        """
        redone = () if beat is None else beat.redone_shards
        try:
            states = await self._proved.get(layout.root, lambda: self._prove(layout))
        except (ObjectMissing, ForeignManifest):
            return None
        rows = None if beat is None else beat.rows_redone
        return Shards(marked(states, (), redone), rows_redone=rows, is_complete=len(redone) < _FULL)

    async def _list(self, layout: JobLayout, total: int) -> bytes:
        def listed() -> bytes:
            names = (layout.shard_of(info.uri) for info in self._store.list(layout.results))
            return committed_states(total, (name for name in names if name is not None))

        return await asyncio.get_running_loop().run_in_executor(self._threads, listed)

    async def _prove(self, layout: JobLayout) -> bytes:
        def proved() -> bytes:
            records = read_manifest(layout, self._store).shards
            last = max((record.generation for record in records), default=0)
            total = 1 + max((place_of(record.shard_id) or 0 for record in records), default=-1)
            before = (record.shard_id for record in records if record.generation < last)
            return committed_states(total, (record.shard_id for record in records), before)

        return await asyncio.get_running_loop().run_in_executor(self._threads, proved)
