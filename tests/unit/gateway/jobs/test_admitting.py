from __future__ import annotations

import asyncio

import pytest

from llmbatch.core.clock import ManualClock
from llmbatch.core.store import MemoryStore
from llmbatch.gateway.jobs.admitting import require_admitting
from llmbatch.gateway.wire.failures import Failure
from llmbatch.orchestrator.steering.service import start_admission, stop_admission

BASE = "s3://b/base"


def test_nothing_is_started_while_admission_is_stopped() -> None:
    store, clock = MemoryStore(), ManualClock()
    asyncio.run(require_admitting(BASE, store))
    stop_admission(BASE, reason="new GPUs", by="ann", store=store, clock=clock)
    with pytest.raises(Failure, match="new GPUs") as refused:
        asyncio.run(require_admitting(BASE, store))
    assert (refused.value.status, refused.value.code) == (503, "not_admitting")
    assert int(refused.value.headers["Retry-After"]) > 0
    start_admission(BASE, by="ann", store=store, clock=clock)
    asyncio.run(require_admitting(BASE, store))
