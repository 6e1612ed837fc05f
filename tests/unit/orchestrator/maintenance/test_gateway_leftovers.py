"""What the HTTP API leaves behind: what is removed when, in which order, and what stays."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from llmbatch.core.clock import ManualClock
from llmbatch.core.config_sections import RetentionConfig
from llmbatch.core.errors import StoreError
from llmbatch.core.gateway_layout import batches_shown_uri, batches_uri, files_uri, keys_uri
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.folders import Amount
from llmbatch.orchestrator.maintenance.gateway_leftovers import expire_gateway
from llmbatch.orchestrator.maintenance.removal import Expired

NOW = datetime(2030, 6, 1, tzinfo=UTC)
BASE = "s3://b/prefix"
FILES = files_uri(BASE, "ada")
FILE, UPLOAD, PART, JOB = "file-" + "a" * 24, "upload_" + "b" * 24, "part_" + "c" * 24, "d" * 16
DOCUMENT, CONTENT, MARK = f"{FILES}{FILE}.json", f"{FILES}content/{FILE}.jsonl", f"{FILES}deleted/file-out-{JOB}.json"
RECORD, SHOWN = f"{batches_uri(BASE, 'ada')}batch_{JOB}.json", f"{batches_shown_uri(BASE)}batch_{JOB}.json"
KEY = f"{keys_uri(BASE)}{'e' * 16}.json"
LIMITS = RetentionConfig(jobs_days=90)


class Watched(MemoryStore):
    """Notes every deletion, can fail at the n-th, and refuses one address."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.deleted: list[str] = []
        self.fail_at: int | None = None
        self.locked = ""

    def delete(self, uri: str) -> None:
        if uri == self.locked or (self.fail_at is not None and len(self.deleted) >= self.fail_at):
            raise StoreError(f"{uri} was not deleted")
        self.deleted.append(uri)
        super().delete(uri)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def store(clock: ManualClock) -> Watched:
    return Watched(clock)


def put_all(store: MemoryStore, uris: Iterable[str]) -> None:
    """Write objects; a file expires an hour from NOW, a key at NOW."""
    bodies = {
        DOCUMENT: json.dumps({"id": FILE, "expires_at": int(NOW.timestamp()) + 3600, "new": 1}),
        KEY: json.dumps({"key_id": "e" * 16, "expires_at": NOW.isoformat()}),
    }
    for uri in uris:
        store.put(uri, bodies.get(uri, "{}").encode())


def after(clock: ManualClock, store: MemoryStore, limits: RetentionConfig = LIMITS, **age: float) -> set[str]:
    """Return what is left at that age."""
    clock.advance((NOW + timedelta(**age) - clock.now()).total_seconds())
    expire_gateway(store, BASE, limits, clock, dry_run=False)
    return set(store.objects)


@pytest.mark.parametrize(
    ("uris", "kept_hours"),
    [
        ([CONTENT, DOCUMENT], 25),
        ([CONTENT], 24),
        ([f"{FILES}uploads/{UPLOAD}.json", f"{FILES}uploads/{UPLOAD}/{PART}"], 24),
        ([f"{FILES}uploads/{UPLOAD}/{PART}"], 24),
        ([MARK], 0),
        ([RECORD, SHOWN], 90 * 24),
        ([SHOWN], 90 * 24),
        ([KEY], 30 * 24),
    ],
)
def test_each_kind_is_removed_at_its_age(
    store: Watched, clock: ManualClock, uris: list[str], kept_hours: float
) -> None:
    put_all(store, uris)
    if kept_hours:
        assert after(clock, store, hours=kept_hours - 0.01) == {*uris}
    assert after(clock, store, hours=kept_hours) == set()


def test_a_document_leaves_before_what_belongs_to_it(store: Watched, clock: ManualClock) -> None:
    upload, part = f"{FILES}uploads/{UPLOAD}.json", f"{FILES}uploads/{UPLOAD}/{PART}"
    put_all(store, [CONTENT, DOCUMENT, part, upload, SHOWN, RECORD])
    before = dict(store.objects)
    assert after(clock, store, days=91) == set()
    assert store.deleted == [DOCUMENT, CONTENT, upload, part, RECORD, SHOWN]
    for step in range(6):
        store.objects, store.deleted, store.fail_at = dict(before), [], step
        with pytest.raises(StoreError):
            expire_gateway(store, BASE, LIMITS, clock, dry_run=False)
        for document, rest in ((DOCUMENT, CONTENT), (upload, part), (RECORD, SHOWN)):
            assert document not in store.objects or rest in store.objects
        store.fail_at = None
        assert after(clock, store, days=91) == set()


def test_an_upload_that_was_touched_keeps_its_parts(store: Watched, clock: ManualClock) -> None:
    upload, part = f"{FILES}uploads/{UPLOAD}.json", f"{FILES}uploads/{UPLOAD}/{PART}"
    put_all(store, [part])
    clock.advance(3600)
    put_all(store, [upload])
    assert after(clock, store, hours=24) == {upload, part}
    assert after(clock, store, hours=25) == set()


def test_what_belongs_to_a_job_stays_while_its_folder_is_there(store: Watched, clock: ManualClock) -> None:
    claim = JobLayout.of(BASE, f"job-{JOB}").claim(1)
    put_all(store, [RECORD, SHOWN, MARK, claim])
    assert after(clock, store, days=1000) == {RECORD, SHOWN, MARK, claim}


def test_without_a_limit_batches_are_kept_for_ever(store: Watched, clock: ManualClock) -> None:
    put_all(store, [RECORD, SHOWN])
    assert after(clock, store, RetentionConfig(jobs_days=None), days=1000) == {RECORD, SHOWN}


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"id": "file-other", "expires_at": 1, "key_id": "other"}'])
def test_a_hostile_document_is_kept_and_stops_nothing(store: Watched, clock: ManualClock, body: bytes) -> None:
    other = files_uri(BASE, "bob") + f"{FILE}.json"
    put_all(store, [CONTENT, KEY, MARK])
    store.put(DOCUMENT, body)
    store.put(KEY, body)
    store.put(other, json.dumps({"id": FILE, "expires_at": 1}).encode())
    assert after(clock, store, days=100) == {DOCUMENT, CONTENT, KEY}


def test_what_has_another_name_is_left_alone(store: Watched, clock: ManualClock) -> None:
    names = ["x.json", "content/x.jsonl", "uploads/upload_1.json", "deleted/x.json", f"more/{FILE}.json", ""]
    strange = [f"{FILES}{name}" for name in names] + [f"{keys_uri(BASE)}x.json", f"{batches_shown_uri(BASE)}x.json"]
    put_all(store, strange)
    assert after(clock, store, days=1000) == {*strange}


def test_a_dry_run_reports_the_same_and_removes_nothing(
    store: Watched, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    put_all(store, [DOCUMENT, CONTENT, MARK, RECORD, KEY])
    clock.advance(100 * 86_400)
    size = sum(map(len, store.objects.values()))
    with caplog.at_level(logging.INFO):
        found = expire_gateway(store, BASE, LIMITS, clock, dry_run=True)
    assert found == Expired(4, Amount(5, size))
    assert store.deleted == []
    pair = len(store.objects[DOCUMENT]) + 2
    assert f"event=removal action=would_remove part=gateway_files objects=2 bytes={pair}" in caplog.text
    assert expire_gateway(store, BASE, LIMITS, clock, dry_run=False) == found
    assert store.objects == {}


def test_a_locked_object_stops_only_its_own_kind(store: Watched, clock: ManualClock) -> None:
    put_all(store, [DOCUMENT, CONTENT, MARK, KEY])
    clock.advance(100 * 86_400)
    store.locked = CONTENT
    with pytest.raises(StoreError, match=r"1 of 5 removals failed; the first: .* was not deleted"):
        expire_gateway(store, BASE, LIMITS, clock, dry_run=False)
    assert set(store.objects) == {CONTENT}
