"""Which jobs run: those of the queue with a fresh heartbeat, or without a queue those of the index."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.finished_jobs import BASE, NOW, progress_of, spec_of
from llmbatch.core.admission import AdmissionQueue, QueuedJob
from llmbatch.core.clock import ManualClock
from llmbatch.core.layout import queue_uri
from llmbatch.core.staleness import NOT_RUNNING_SECONDS
from llmbatch.core.states import Phase
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.activity import running_jobs
from llmbatch.orchestrator.jobs.day_index import note_accepted


def store_of_jobs() -> MemoryStore:
    """Jobs 1 and 2 run, 3 has an old heartbeat, 4 has ended, 5 has not started."""
    store = MemoryStore(ManualClock(NOW))
    for number in (1, 2, 3, 4, 5):
        spec = spec_of(number)
        store.put(spec.layout.spec, spec.model_dump_json().encode())
        note_accepted(spec, store)
        if number != 5:
            age = -NOT_RUNNING_SECONDS if number == 3 else 0.0
            phase = Phase.DONE if number == 4 else Phase.WORK
            store.put(spec.layout.progress, progress_of(spec, age, phase=phase).model_dump_json().encode())
    return store


def running(store: MemoryStore, seconds: float = 0.0) -> list[str]:
    return [spec.job_id for spec in running_jobs(store, BASE, NOW + timedelta(seconds=seconds))]


def test_only_queued_jobs_with_a_fresh_heartbeat_run() -> None:
    store = store_of_jobs()
    jobs = tuple(
        QueuedJob(job_id=spec.job_id, root_uri=spec.root_uri, deadline=NOW, replicas=1)
        for spec in map(spec_of, (5, 4, 3, 2))
    )
    store.put(queue_uri(BASE), AdmissionQueue(jobs=jobs).model_dump_json().encode())
    assert running(store) == [spec_of(2).job_id]


def test_a_published_job_does_not_run_whatever_its_last_heartbeat_says() -> None:
    store = store_of_jobs()
    store.put(spec_of(1).layout.manifest, b"{}")
    assert running(store) == [spec_of(2).job_id]


@pytest.mark.parametrize("queue", [None, b"not json"])
def test_without_a_readable_queue_the_index_is_read(queue: bytes | None) -> None:
    store = store_of_jobs()
    if queue is not None:
        store.put(queue_uri(BASE), queue)
    assert running(store) == [spec_of(1).job_id, spec_of(2).job_id]
    assert running(store, NOT_RUNNING_SECONDS + 1) == []
