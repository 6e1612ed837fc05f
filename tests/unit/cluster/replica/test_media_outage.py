"""An outage of the store while the media of a row are read: the shard runs again, and no row is at fault."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from llmbatch.cluster.replica.limits import RowLimits
from llmbatch.cluster.replica.replica import Replica
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.core.clock import SystemClock
from llmbatch.core.errors import StoreError
from llmbatch.core.store import MemoryStore


class OutOfReach:
    """An engine whose rows have media in a store that does not answer."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def statistics(self) -> None: ...

    def in_flight(self) -> None: ...

    async def generate(self, *_: object) -> Any:
        raise StoreError("s3://bucket/in/x.png: no answer")


def test_the_outage_ends_the_shard_without_an_outcome(store: MemoryStore, make: SimpleNamespace) -> None:
    job = make.stage(store, [make.chat(1, "what is it?", max_tokens=8), make.chat(2, "and this?", max_tokens=8)], 2)
    context = JobContext(job.manifest.job_id, 2, job.layout, store, SystemClock())
    replica = Replica(
        context,
        "r1",
        OutOfReach(),
        RowLimits(8, 8, 12),
        on_engine_death=lambda error: None,
        announce=lambda: asyncio.sleep(0),
    )
    with pytest.raises(StoreError, match=r"in/x\.png: no answer"):
        asyncio.run(replica.process(job.manifest.shards[0]))
    assert job.layout.result_shard("shard-00000") not in store.objects
