"""Retries of store calls follow the job's monotonic clock."""

from __future__ import annotations

import asyncio

import pytest

from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.patience import PATIENCE_SECONDS, Patience
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import ObjectMissing, StoreError
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import MemoryStore


class Outage:
    """A store call that fails until the clock has reached ``until`` seconds."""

    def __init__(self, until: float) -> None:
        self.clock, self.until, self.calls = ManualClock(), until, 0
        self.pauses: list[float] = []
        job = JobContext("job-1", 1, JobLayout("s3://bucket/jobs/job-1"), MemoryStore(), self.clock)
        self.patience = Patience(job, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(seconds)

    def read(self, value: int) -> int:
        self.calls += 1
        if self.clock.monotonic() < self.until:
            raise StoreError("down")
        return value


def test_an_outage_of_minutes_is_waited_for_with_growing_pauses() -> None:
    outage = Outage(until=250)
    assert asyncio.run(outage.patience.call(outage.read, 7)) == 7
    assert outage.pauses[0] <= 0.5
    assert 7.5 <= max(outage.pauses) <= 15
    assert outage.calls < 60


def test_an_outage_of_more_than_five_minutes_is_an_error() -> None:
    outage = Outage(until=10 * PATIENCE_SECONDS)
    with pytest.raises(StoreError, match="down"):
        asyncio.run(outage.patience.call(outage.read, 7))
    assert PATIENCE_SECONDS - 15 <= outage.clock.monotonic() <= PATIENCE_SECONDS


def test_an_error_that_no_retry_can_mend_is_raised_at_once() -> None:
    outage = Outage(until=0)

    def missing() -> None:
        raise ObjectMissing("s3://bucket/x")

    with pytest.raises(ObjectMissing):
        asyncio.run(outage.patience.call(missing))
    assert outage.pauses == []
