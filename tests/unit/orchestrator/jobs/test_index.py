"""The one listing of jobs: folders in the store, and the admission queue."""

from __future__ import annotations

import logging

import pytest

from fakes.finished_jobs import BASE, NOW, job_id
from llmbatch.core.admission import AdmissionQueue, QueuedJob
from llmbatch.core.layout import queue_uri
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.index import admission_queue, stored_jobs


@pytest.mark.parametrize("base", [BASE, f"{BASE}/"])
def test_stored_jobs_are_the_folders_with_a_job_id(base: str) -> None:
    store = MemoryStore()
    first, second = job_id(1), job_id(2)
    names = [
        f"{first}/spec.json",
        f"{first}/staged/a",
        f"{second}/spec.json",
        "job-1/spec.json",
        f"{second}x/spec.json",
    ]
    for name in names:
        store.put(f"{BASE}/jobs/{name}", b"{}")
    found = [(layout.root, [info.uri for info in objects]) for layout, objects in stored_jobs(base, store)]
    root = f"{BASE}/jobs/"
    assert found == [
        (f"{root}{first}", [f"{root}{first}/spec.json", f"{root}{first}/staged/a"]),
        (f"{root}{second}", [f"{root}{second}/spec.json"]),
    ]


def test_the_queue_comes_with_its_etag(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    assert admission_queue(BASE, store) == (None, None)
    queue = AdmissionQueue(jobs=(QueuedJob(job_id=job_id(1), root_uri="s3://b/j", deadline=NOW, replicas=1),))
    info = store.put(queue_uri(BASE), queue.model_dump_json().encode())
    assert admission_queue(BASE, store) == (queue, info.etag)
    info = store.put(queue_uri(BASE), b"not json")
    with caplog.at_level(logging.WARNING):
        assert admission_queue(BASE, store) == (None, info.etag)
    assert f"event=queue_unreadable uri={queue_uri(BASE)}" in caplog.text
