"""Job folders: size, state, last write, and the jobs that a retry needs."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from fakes.finished_jobs import BASE, NOW, job_id
from llmbatch.core.clock import ManualClock
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.folders import Amount, job_folder, job_folders, leftovers

DEADLINE = NOW + timedelta(hours=2)


class Folders:
    """A store with job folders, each object written a minute after the one before it."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.store = MemoryStore(self.clock)

    def put(self, uri: str, body: bytes) -> datetime:
        self.clock.advance(60)
        self.store.put(uri, body)
        return self.clock.now()

    def accept(self, number: int, retry_of: int | None = None) -> JobLayout:
        layout = JobLayout.of(BASE, job_id(number))
        parent = None if retry_of is None else JobLayout.of(BASE, job_id(retry_of)).root
        self.put(layout.spec, json.dumps({"deadline": DEADLINE.isoformat(), "retry_of": parent, "new": 1}).encode())
        return layout


@pytest.fixture
def folders() -> Folders:
    return Folders()


def test_a_running_job_has_a_deadline_and_its_last_write(folders: Folders) -> None:
    layout = folders.accept(1)
    size = folders.store.head(layout.spec).size
    folders.put(layout.staged_manifest, b"12")
    for shard in ("shard-00000", "shard-00001"):
        folders.put(layout.staged_shard(shard), b"rows")
    folders.put(layout.result_shard("shard-00000"), b"result")
    touched = folders.put(layout.progress, b"1")
    (found,) = job_folders(folders.store, BASE, NOW)
    assert (found.job_id, found.root) == (job_id(1), layout.root)
    assert (found.is_accepted, found.finished_at, found.touched_at) == (True, None, touched)
    assert (found.deadline, found.needs) == (DEADLINE, frozenset())
    assert found.total == Amount(6, size + 2 + 4 + 4 + 6 + 1)
    assert found.staged_shards == Amount(2, 8)
    assert found.leftovers == Amount()


@pytest.mark.parametrize("name", ["manifest", "dry_run"])
def test_a_finished_job_has_the_time_of_its_manifest(folders: Folders, name: str) -> None:
    layout = folders.accept(2, retry_of=1)
    finished = folders.put(getattr(layout, name), b'{"job_id": "%s"}' % job_id(2).encode())
    touched = folders.put(f"{layout.root}/output/results.jsonl", b"{}")
    (found,) = job_folders(folders.store, BASE, NOW)
    assert (found.finished_at, found.touched_at) == (finished, touched)
    assert (found.deadline, found.needs) == (None, frozenset())


@pytest.mark.parametrize("body", [b"{}", b'{"job_id": "job-ffffffffffffffff"}'])
def test_another_job_s_manifest_does_not_finish_a_job(
    folders: Folders, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    layout = folders.accept(2, retry_of=1)
    folders.put(layout.manifest, body)
    (found,) = job_folders(folders.store, BASE, NOW)
    assert (found.finished_at, found.deadline, found.needs) == (None, DEADLINE, frozenset({job_id(1)}))
    assert f"event=foreign_manifest job_id={job_id(2)} " in caplog.text


def test_a_retry_needs_the_whole_chain_before_it(folders: Folders) -> None:
    folders.accept(1)
    folders.accept(2, retry_of=1)
    layout = folders.accept(3, retry_of=2)
    assert job_folder(folders.store, layout.root, NOW).needs == {job_id(1), job_id(2)}
    folders.store.delete(JobLayout.of(BASE, job_id(2)).spec)
    assert job_folder(folders.store, layout.root, NOW).needs == {job_id(2)}


def test_an_unreadable_spec_is_logged_and_has_no_deadline(folders: Folders, caplog: pytest.LogCaptureFixture) -> None:
    layout = folders.accept(1)
    folders.put(layout.spec, b"?")
    found = job_folder(folders.store, layout.root, NOW)
    assert (found.is_accepted, found.deadline) == (True, None)
    assert f"event=spec_unreadable uri={layout.spec}" in caplog.text


def test_a_missing_folder_is_empty(folders: Folders) -> None:
    found = job_folder(folders.store, JobLayout.of(BASE, job_id(1)).root, NOW)
    assert (found.is_accepted, found.finished_at, found.total) == (False, None, Amount())


def test_leftovers_are_all_claims_but_the_last_crash_records_and_the_probe(folders: Folders) -> None:
    layout = folders.accept(1)
    for number in (10, 9, 2):
        folders.put(layout.claim(number), b"{}")
    folders.put(f"{layout.crashes}g00001-a.json", b"{}")
    folders.put(layout.probe, b"{}")
    folders.put(layout.progress, b"{}")
    objects = reversed(list(folders.store.list(f"{layout.root}/")))
    assert {info.uri for info in leftovers(layout, objects)} == {
        layout.claim(2),
        layout.claim(9),
        f"{layout.crashes}g00001-a.json",
        layout.probe,
    }


def test_stray_objects_are_no_leftovers(folders: Folders) -> None:
    layout = folders.accept(1)
    for name in ("", "g00001", ".DS_Store", "g00002"):
        folders.put(f"{layout.claims}{name}", b"")
    found = leftovers(layout, folders.store.list(f"{layout.root}/"))
    assert [info.uri for info in found] == [layout.claim(1)]


def test_a_chain_of_retries_that_leads_into_itself_ends(folders: Folders) -> None:
    folders.accept(1, retry_of=2)
    folders.accept(2, retry_of=1)
    assert [folder.needs for folder in job_folders(folders.store, BASE, NOW)] == [{job_id(1), job_id(2)}] * 2


def test_a_folder_that_cannot_be_understood_is_left_out(
    folders: Folders, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2, 3):
        folders.accept(number)
    bad, get = JobLayout.of(BASE, job_id(2)), folders.store.get
    listed = list(folders.store.list(BASE))

    def refuse(uri: str) -> bytes:
        if uri == bad.spec:
            raise ValueError("a fault of this folder")
        return get(uri)

    monkeypatch.setattr(folders.store, "list", lambda prefix: iter(listed))
    monkeypatch.setattr(folders.store, "get", refuse)
    assert [folder.job_id for folder in job_folders(folders.store, BASE, NOW)] == [job_id(1), job_id(3)]
    assert f"event=folder_unreadable root={bad.root}" in caplog.text
