"""Which jobs run: those of the queue with a fresh heartbeat, or without a queue those of the index."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.finished_jobs import BASE, NOW, progress_of, spec_of
from fakes.proofs import put_proof
from llmbatch.core.admission import AdmissionQueue, QueuedJob
from llmbatch.core.clock import ManualClock
from llmbatch.core.layout import queue_uri
from llmbatch.core.staleness import NOT_RUNNING_SECONDS
from llmbatch.core.states import Phase
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.jobs.activity import running_jobs
from llmbatch.orchestrator.jobs.day_index import note_accepted


def store_of_jobs(driver_ahead: float = 0.0, store_ahead: float = 0.0) -> MemoryStore:
    """Jobs 1 and 2 run, 3 has an old heartbeat, 4 has ended, 5 has not started. The clocks may differ from NOW."""
    clock = ManualClock(NOW - timedelta(seconds=NOT_RUNNING_SECONDS - store_ahead))
    store = MemoryStore(clock)
    old = _write(store, 3, Phase.WORK, driver_ahead - NOT_RUNNING_SECONDS)
    assert old.modified == clock.now()
    clock.advance(NOT_RUNNING_SECONDS)
    for number, phase in ((1, Phase.WORK), (2, Phase.WORK), (4, Phase.DONE), (5, None)):
        _write(store, number, phase, driver_ahead)
    return store


def _write(store: MemoryStore, number: int, phase: Phase | None, at: float) -> ObjectInfo:
    spec = spec_of(number)
    written = store.put(spec.layout.spec, spec.model_dump_json().encode())
    note_accepted(spec, store)
    if phase is not None:
        progress = progress_of(spec, at, phase=phase)
        written = store.put(spec.layout.progress, progress.model_dump_json().encode())
    return written


def running(store: MemoryStore) -> list[str]:
    return [spec.job_id for spec in running_jobs(store, BASE, NOW)]


@pytest.mark.parametrize("driver_ahead", [0, 65, -65, 3600, -3600])
def test_only_queued_jobs_with_a_fresh_heartbeat_run(driver_ahead: float) -> None:
    store = store_of_jobs(driver_ahead)
    jobs = tuple(
        QueuedJob(job_id=spec.job_id, root_uri=spec.root_uri, deadline=NOW, replicas=1)
        for spec in map(spec_of, (5, 4, 3, 2))
    )
    store.put(queue_uri(BASE), AdmissionQueue(jobs=jobs).model_dump_json().encode())
    assert running(store) == [spec_of(2).job_id]


def test_a_published_job_does_not_run_whatever_its_last_heartbeat_says() -> None:
    store = store_of_jobs()
    put_proof(store, spec_of(1).layout)
    assert running(store) == [spec_of(2).job_id]


def test_the_manifest_of_another_job_does_not_end_this_one() -> None:
    store = store_of_jobs()
    put_proof(store, spec_of(1).layout, spec_of(2).job_id)
    assert running(store) == [spec_of(1).job_id, spec_of(2).job_id]


@pytest.mark.parametrize("ahead", [0, 65, -65, 3600, -3600])
@pytest.mark.parametrize("queue", [None, b"not json"])
def test_without_a_readable_queue_the_index_is_read(queue: bytes | None, ahead: float) -> None:
    store = store_of_jobs(driver_ahead=ahead, store_ahead=ahead)
    if queue is not None:
        store.put(queue_uri(BASE), queue)
    assert running(store) == [spec_of(1).job_id, spec_of(2).job_id]


def test_heartbeats_that_stopped_name_no_running_job() -> None:
    clock = ManualClock(NOW)
    store = MemoryStore(clock)
    for number in (1, 2):
        _write(store, number, Phase.WORK, 0)
    clock.advance(NOT_RUNNING_SECONDS + 1)
    assert running(store) == []


def test_a_spec_of_another_folder_is_no_running_job() -> None:
    store = store_of_jobs()
    store.put(spec_of(1).layout.spec, spec_of(2).model_dump_json().encode())
    assert running(store) == [spec_of(2).job_id]
