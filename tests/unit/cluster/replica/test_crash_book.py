"""Crash records are shared by all replicas and generations of a job."""

from __future__ import annotations

import json
import logging

import pytest

from llmbatch.cluster.replica.crash_book import CrashBook
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.core.clock import ManualClock
from llmbatch.core.crashes import Crash, Suspicion
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import MemoryStore
from llmbatch.core.stored import report_unreadable

LAYOUT = JobLayout("s3://bucket/jobs/job-1")


def book_of(store: MemoryStore, generation: int = 1) -> CrashBook:
    return CrashBook(JobContext("job-1", generation, LAYOUT, store, ManualClock()))


def crash(number: int, *rows: str, generation: int = 1) -> Crash:
    return Crash(generation=generation, replica_id=f"r{number}", crashed_at=ManualClock().now(), error="E", rows=rows)


def test_crashes_of_other_replicas_and_generations_count_and_each_is_read_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MemoryStore()
    first, later = book_of(store), book_of(store, generation=2)
    assert later.suspicion() == Suspicion({}, {})
    first.record(crash(1, "a", "b"))
    first.record(crash(2, "a"))
    assert later.suspicion().poison == {"a": 2}
    store.put(LAYOUT.crash(1, "r1"), b"{")  # a record never changes, so that it is not read again
    later.record(crash(2, "c", generation=2))
    assert later.suspicion().poison == {"a": 2, "c": 1}
    assert caplog.messages == []


def test_a_record_that_cannot_be_read_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    report_unreadable.cache_clear()
    store.put(LAYOUT.crash(1, "r1"), b"{")
    store.put(LAYOUT.crashes, b"")  # a console's folder marker
    book_of(store).record(crash(2, "a"))
    newer = {**json.loads(store.get(LAYOUT.crash(1, "r2"))), "signal": 11}
    store.put(LAYOUT.crash(1, "r2"), json.dumps(newer).encode())
    with caplog.at_level(logging.WARNING):
        assert book_of(store).suspicion().poison == {"a": 1}
    assert caplog.messages == [f"event=object_unreadable uri={LAYOUT.crash(1, 'r1')} problems=1; it is skipped"]
