"""Jobs of a report: the newest finished ones, and the open ones by deadline."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakes.finished_jobs import BASE, job_id, spec_of
from fakes.proofs import put_proof
from fakes.reported_jobs import LATER, figures, reported_jobs
from llmbatch.core.sla_status import Status
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.sla_report.collected import collect


@pytest.fixture
def store() -> MemoryStore:
    return reported_jobs()


def test_open_jobs_are_judged_and_the_most_urgent_is_first(store: MemoryStore) -> None:
    found = figures(store).open
    assert [(job.job_id, job.status) for job in found] == [(job_id(11), Status.AT_RISK), (job_id(12), Status.ON_TRACK)]


def test_a_dry_run_is_no_open_job(store: MemoryStore) -> None:
    spec = spec_of(13, submitted_at=LATER, dry_run=True)
    store.put(spec.layout.spec, spec.model_dump_json().encode())
    assert job_id(13) not in {job.job_id for job in figures(store).open}


def test_another_job_s_manifest_does_not_finish_an_open_job(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    put_proof(store, spec_of(12).layout, job_id(11))
    found = figures(store).open
    assert [(job.job_id, job.status) for job in found] == [(job_id(11), Status.AT_RISK), (job_id(12), Status.ON_TRACK)]
    assert f"event=foreign_manifest job_id={job_id(12)} " in caplog.text


def test_only_the_newest_are_read(store: MemoryStore) -> None:
    found = collect(BASE, store, most=2, now=LATER)
    assert [job.job_id for job in found.finished] == [job_id(4), job_id(5)]
    assert found.left_out == 3


class FolderBlindStore(MemoryStore):
    """Refuses to list job folders: their objects are as many as the shards of all jobs."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        relative = prefix.removeprefix(f"{BASE}/")
        assert relative.startswith("index/") or relative.count("/") > 2, f"{prefix} was listed"
        return super().list(prefix)


def test_jobs_are_found_without_a_listing_of_their_folders(store: MemoryStore) -> None:
    blind = FolderBlindStore()
    for uri, body in store.objects.items():
        blind.put(uri, body)
    found = collect(BASE, blind, most=200, now=LATER)
    assert (len(found.finished), len(found.open)) == (5, 2)


def test_a_job_whose_folder_is_gone_is_skipped(store: MemoryStore) -> None:
    for number in (1, 11):
        store.delete_many([info.uri for info in store.list(f"{spec_of(number).root_uri}/")])
    found = collect(BASE, store, most=200, now=LATER)
    assert (len(found.finished), len(found.open)) == (4, 1)


def test_what_cannot_be_read_is_left_out(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    store.put(spec_of(1).layout.sla, b"{")
    store.put(spec_of(11).layout.spec, b"{}")
    store.put(f"{BASE}/jobs/notes.txt", b"?")
    found = collect(BASE, store, most=200, now=LATER)
    assert (len(found.finished), len(found.open)) == (4, 1)
    assert spec_of(1).layout.sla in caplog.text


def test_the_spec_of_another_job_in_a_folder_is_left_out(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    layout = spec_of(11).layout
    store.put(layout.spec, spec_of(12).model_dump_json().encode())
    assert [job.status.job_id for job in collect(BASE, store, most=200, now=LATER).open] == [job_id(12)]
    assert f"event=object_unreadable uri={layout.spec} " in caplog.text
