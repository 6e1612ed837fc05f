"""The index of jobs: which jobs there are, at the cost of jobs and not of their objects."""

from __future__ import annotations

from datetime import timedelta

from fakes.finished_jobs import BASE, NOW, job_id, spec_of
from llmbatch.core.clock import ManualClock
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.day_index import indexed_jobs, note_accepted, note_reported


def test_a_job_is_listed_once_with_its_last_state_and_time() -> None:
    clock = ManualClock(NOW)
    store = MemoryStore(clock)
    first, second = spec_of(2), spec_of(1, submitted_at=NOW + timedelta(days=1))
    note_accepted(first, store)
    note_accepted(second, store)
    clock.advance(60)
    note_reported(first, store)
    clock.advance(60)
    note_accepted(first, store)  # a cleared task
    note_reported(first, store)
    found = list(indexed_jobs(f"{BASE}/", store))
    assert [(job.job_id, job.is_reported) for job in found] == [(job_id(2), True), (job_id(1), False)]
    assert [job.touched_at for job in found] == [NOW + timedelta(seconds=60), NOW]
    assert [job.layout for job in found] == [first.layout, second.layout]
    assert found[0].entries == tuple(
        f"{BASE}/index/2030-01-01/{job_id(2)}.{state}" for state in ("accepted", "reported")
    )


def test_a_job_that_is_only_reported_is_listed() -> None:
    store = MemoryStore(ManualClock(NOW))
    note_reported(spec_of(1), store)
    assert [(job.job_id, job.is_reported) for job in indexed_jobs(BASE, store)] == [(job_id(1), True)]


def test_other_objects_are_skipped() -> None:
    store = MemoryStore(ManualClock(NOW))
    note_accepted(spec_of(1), store)
    for name in ("", "2030-01-01/", "2030-01-01/job-1.accepted", f"2030-01-01/{job_id(1)}.x", f"{job_id(1)}.accepted"):
        store.put(f"{BASE}/index/{name}", b"")
    assert [job.job_id for job in indexed_jobs(BASE, store)] == [job_id(1)]
