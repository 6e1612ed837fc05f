"""Crash records are shared by all replicas and generations of a job."""

from __future__ import annotations

import json
import logging

import pytest

from llmbatch.cluster.exchange.replica_report import LostReplica
from llmbatch.cluster.replica.crash_book import CrashBook, record_loss
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


def test_a_lost_replica_is_recorded_by_its_successor(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    with caplog.at_level(logging.WARNING):
        record_loss(JobContext("job-1", 2, LAYOUT, store, ManualClock()), LostReplica("r1", ("a", "b")))
    kept = Crash.model_validate_json(store.get(LAYOUT.crash(2, "r1")))
    assert (kept.rows, kept.error) == (("a", "b"), "the process of the replica ended")
    assert caplog.messages == ["event=replica_lost job_id=job-1 replica=r1 rows=2"]


def test_what_a_replica_recorded_itself_is_kept() -> None:
    store = MemoryStore()
    book_of(store, generation=2).record(crash(1, "a", generation=2))
    record_loss(JobContext("job-1", 2, LAYOUT, store, ManualClock()), LostReplica("r1", ("a", "b", "c")))
    assert book_of(store).suspicion().poison == {"a": 1}
