"""Removals carried out: what goes, what stays, in which order, and what a reader sees in between."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from fakes.proofs import put_proof
from llmbatch.core.claims import Claim, claim, last_claim
from llmbatch.core.clock import ManualClock
from llmbatch.core.config_sections import RetentionConfig
from llmbatch.core.errors import StoreError
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.jobs.folders import job_folders
from llmbatch.orchestrator.maintenance.removal import MOST_FAILURES, OWNER, expire, remove
from llmbatch.orchestrator.maintenance.retention import Part, Removal, plan

NOW = datetime(2030, 6, 1, tzinfo=UTC)
BASE = "s3://b/prefix"
LIMITS = RetentionConfig(staged_days=7, jobs_days=90, dead_generations_days=5)
A, OTHER, B = "job-00000000000000aa", "job-00000000000000ab", "job-00000000000000ac"
USER = "s3://b/prefix/jobs/mine/results.parquet"


class Watched(MemoryStore):
    """Notes every deletion, and can fail at the n-th."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.deleted: list[str] = []
        self.fail_at: int | None = None

    def delete(self, uri: str) -> None:
        if self.fail_at is not None and len(self.deleted) >= self.fail_at:
            raise StoreError("the store is gone")
        if uri in self.objects:
            self.deleted.append(uri)
        super().delete(uri)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def store(clock: ManualClock) -> Watched:
    return Watched(clock)


def put_job(store: MemoryStore, job_id: str, *, finished: bool, retries: str | None = None) -> JobLayout:
    """Write a job with two shards, two generations, a crash and its output."""
    layout = JobLayout.of(BASE, job_id)
    parent = None if retries is None else JobLayout.of(BASE, retries).root
    spec = {"deadline": "2030-06-01T00:00:00Z", "request": {}, "retry_of": parent, "new": 1}
    store.put(layout.spec, json.dumps(spec).encode())
    for shard in ("shard-00000", "shard-00001"):
        store.put(layout.staged_shard(shard), b"rows")
        store.put(layout.kept_shard(shard), b"columns")
        store.put(layout.result_shard(shard), b"answers")
    store.put(layout.kept_schema, b"types")
    store.put(layout.staged_manifest, b"{}")
    for number in (1, 2):
        claim(store, layout, owner=f"{job_id}-g{number}", now=NOW)
    store.put(f"{layout.crashes}g00001-a.json", b"{}")
    store.put(layout.probe, b"probe")
    store.put(layout.progress, b"{}")
    store.put(f"{layout.root}/output/results.jsonl", b"{}")
    store.put(f"{BASE}/idempotency/{job_id[-4:]}.json", f'{{"job_id": "{job_id}", "root_uri": ""}}'.encode())
    if finished:
        put_proof(store, layout)
    return layout


def under(store: MemoryStore, layout: JobLayout) -> set[str]:
    return {uri.removeprefix(f"{layout.root}/") for uri in store.objects if uri.startswith(f"{layout.root}/")}


def planned(store: MemoryStore, clock: ManualClock) -> list[Removal]:
    return plan(job_folders(store, BASE, clock.now()), LIMITS, clock.now())


def run(store: MemoryStore, clock: ManualClock, *, dry_run: bool = False) -> int:
    return expire(store, BASE, LIMITS, clock, dry_run=dry_run).removals


def days(clock: ManualClock, number: float) -> None:
    clock.advance(timedelta(days=number).total_seconds())


def test_a_finished_job_loses_its_staged_rows_then_leftovers_then_itself(store: Watched, clock: ManualClock) -> None:
    layout = put_job(store, A, finished=True)
    other = put_job(store, OTHER, finished=True)
    store.put(USER, b"delivered")
    whole = under(store, layout)
    assert run(store, clock) == 0
    days(clock, 5)
    assert run(store, clock) == 2
    dead = {"generations/g00001", "crashes/g00001-a.json", ".probe"}
    assert under(store, layout) == whole - dead
    assert last_claim(store, layout) == 2
    days(clock, 2)
    assert run(store, clock) == 2
    assert under(store, layout) == {name for name in whole - dead if not name.startswith("staged/")} | {
        "staged/manifest.json"
    }
    assert run(store, clock) == 0
    days(clock, 83)
    assert run(store, clock) == 2
    assert under(store, layout) == under(store, other) == set()
    assert set(store.objects) == {USER}


def test_a_running_job_loses_nothing(store: Watched, clock: ManualClock) -> None:
    layout = put_job(store, A, finished=False)
    days(clock, 1000)
    store.put(layout.progress, b"{}")
    assert run(store, clock) == 0
    assert store.deleted == []


def test_an_abandoned_job_is_fenced_off_and_its_fence_goes_later(store: Watched, clock: ManualClock) -> None:
    layout = put_job(store, A, finished=False)
    days(clock, 90)
    assert run(store, clock) == 1
    assert under(store, layout) == {"generations/g00003"}
    assert Claim.model_validate_json(store.get(layout.claim(3))).owner == OWNER
    assert not list(store.list(f"{BASE}/idempotency/"))
    days(clock, 4)
    assert run(store, clock) == 0
    days(clock, 1)
    assert run(store, clock) == 1
    assert store.objects == {}


@pytest.mark.parametrize("finished", [True, False])
def test_no_reader_takes_a_part_for_the_whole(store: Watched, clock: ManualClock, finished: bool) -> None:
    """Stop the removal at each of its deletions: what is left is either proved, or no job at all."""
    put_job(store, A, finished=finished)
    days(clock, 90)
    (removal,) = planned(store, clock)
    layout, record, before = JobLayout(removal.root), f"{BASE}/idempotency/00aa.json", dict(store.objects)
    whole, order = under(store, layout), ["staged/manifest.json", "spec.json"]
    for step in range(len(whole) + 1):
        store.objects, store.deleted, store.fail_at = dict(before), [], step
        with pytest.raises(StoreError):
            remove(removal, [record], store, clock)
        left = under(store, layout)
        lost = whole - left
        if finished:
            assert "manifest.json" in left
            assert "spec.json" not in lost or left == {"manifest.json"}
        else:
            assert last_claim(store, layout) == 3
            assert [part for part in order if part in lost] == order[: len(lost)]
        assert not lost or record not in store.objects
    store.objects, store.fail_at = dict(before), None
    assert remove(removal, [record], store, clock)
    assert under(store, layout) == (set() if finished else {"generations/g00003"})


def test_an_interrupted_removal_is_finished_by_a_later_round(store: Watched, clock: ManualClock) -> None:
    put_job(store, A, finished=False)
    days(clock, 90)
    store.fail_at = 4
    with pytest.raises(StoreError):
        run(store, clock)
    store.fail_at = None
    days(clock, 5)
    (rest,) = planned(store, clock)
    assert rest.part is Part.REMAINS
    assert run(store, clock) == 1
    assert store.objects == {}


def test_a_job_that_came_alive_is_left_alone(
    store: Watched, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    layout = put_job(store, A, finished=False)
    days(clock, 90)
    (whole,) = planned(store, clock)
    store.put(layout.progress, b"{}")
    assert not remove(whole, (), store, clock)
    assert store.deleted == []
    assert last_claim(store, layout) == 2


def test_a_generation_that_claims_after_the_fence_keeps_the_job(clock: ManualClock) -> None:
    class Racing(Watched):
        def create(self, uri: str, body: bytes) -> object:
            made = super().create(uri, body)
            if OWNER in body.decode():
                super().create(JobLayout.of(BASE, A).claim(4), body.replace(OWNER.encode(), b"a-g4"))
            return made

    store = Racing(clock)
    layout = put_job(store, A, finished=False)
    days(clock, 90)
    (whole,) = planned(store, clock)
    assert not remove(whole, (), store, clock)
    assert store.deleted == []
    assert layout.spec in store.objects


def test_a_dry_run_says_the_same_and_removes_nothing(
    store: Watched, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    put_job(store, A, finished=True)
    put_job(store, OTHER, finished=False)
    days(clock, 90)
    before = dict(store.objects)
    with caplog.at_level(logging.INFO):
        said = expire(store, BASE, LIMITS, clock, dry_run=True)
    assert store.objects == before
    assert [record.message.split(" because")[0] for record in caplog.records] == [
        f"event=removal action=would_remove job_id={A} part=finished objects=16 bytes={_bytes(before, A)}",
        f"event=removal action=would_remove job_id={OTHER} part=abandoned objects=15 bytes={_bytes(before, OTHER)}",
    ]
    assert expire(store, BASE, LIMITS, clock, dry_run=False) == said
    assert said.removals == 2
    assert said.amount.objects == 31


def _bytes(objects: dict[str, bytes], job: str) -> int:
    return sum(len(body) for uri, body in objects.items() if f"{job}/" in uri)


def test_the_results_of_a_chain_that_is_being_retried_stay(store: Watched, clock: ManualClock) -> None:
    first, second = put_job(store, A, finished=True), put_job(store, B, finished=True, retries=A)
    days(clock, 90)
    put_job(store, OTHER, finished=False, retries=B)
    assert [removal.part for removal in planned(store, clock)] == [Part.LEFTOVERS, Part.LEFTOVERS]
    put_proof(store, JobLayout.of(BASE, OTHER))
    run(store, clock)
    assert under(store, first) == under(store, second) == set()


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (b"not json", "event=idempotency_record_unreadable"),
        (b'{"root_uri": "x"}', "event=idempotency_record_unreadable"),
    ],
)
def test_a_strange_record_is_told_and_kept(
    store: Watched, clock: ManualClock, caplog: pytest.LogCaptureFixture, record: bytes, words: str
) -> None:
    put_job(store, A, finished=True)
    store.put(f"{BASE}/idempotency/strange.json", record)
    days(clock, 90)
    assert run(store, clock) == 1
    assert set(store.objects) == {f"{BASE}/idempotency/strange.json"}
    assert words in caplog.text


def test_an_unreadable_spec_only_loses_its_deadline(
    store: Watched, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    layout = put_job(store, A, finished=False)
    store.put(layout.spec, b"?")
    days(clock, 90)
    assert run(store, clock) == 1
    assert "its deadline is not known" in caplog.text


@pytest.mark.parametrize("name", ["mine", "job-1", "job-00000000000000AA", "job-00000000000000aa-old"])
def test_what_is_not_named_as_a_job_is_not_one(store: Watched, clock: ManualClock, name: str) -> None:
    layout = put_job(store, A, finished=True)
    days(clock, 90)
    strange = put_job(store, name, finished=True)
    whole = under(store, strange)
    assert run(store, clock) == 1
    assert under(store, layout) == set()
    days(clock, 1000)
    assert run(store, clock) == 0
    assert under(store, strange) == whole


def test_many_objects_are_deleted_in_the_order_given(store: Watched) -> None:
    uris: Iterable[str] = (store.put(f"s3://b/{number}", b"").uri for number in (3, 1, 2))
    store.delete_many(uris)
    assert store.deleted == ["s3://b/3", "s3://b/1", "s3://b/2"]


def test_a_stray_object_among_the_claims_stops_no_removal(store: Watched, clock: ManualClock) -> None:
    stray = put_job(store, A, finished=True)
    other = put_job(store, B, finished=True)
    for name in ("", ".DS_Store"):
        store.put(f"{stray.claims}{name}", b"")
    days(clock, 5)
    assert run(store, clock) == 2
    assert last_claim(store, stray) == last_claim(store, other) == 2
    days(clock, 90)
    run(store, clock)
    assert under(store, stray) == under(store, other) == set()


def test_a_locked_object_stops_only_its_own_removal(
    store: Watched, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = put_job(store, A, finished=True)
    other = put_job(store, B, finished=True)
    delete = store.delete

    def refuse(uri: str) -> None:
        if uri == locked.result_shard("shard-00000"):
            raise StoreError(f"{uri} was not deleted: locked")
        delete(uri)

    monkeypatch.setattr(store, "delete", refuse)
    days(clock, 90)
    with pytest.raises(StoreError, match=r"1 of 2 removals failed; the first: .*shard-00000.parquet was not deleted"):
        run(store, clock)
    assert under(store, other) == set()
    assert locked.manifest in store.objects


def test_a_store_that_refuses_everything_ends_the_call(
    store: Watched, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2 * MOST_FAILURES):
        put_job(store, f"job-{number:016x}", finished=True)
    days(clock, 90)
    store.fail_at = 0
    with pytest.raises(StoreError, match=f"{MOST_FAILURES} of {2 * MOST_FAILURES} removals failed"):
        run(store, clock)


def note(store: MemoryStore, job_id: str) -> str:
    uri = f"{BASE}/index/2030-01-01/{job_id}.accepted"
    store.put(uri, b"")
    return uri


def test_entries_of_jobs_that_are_gone_leave_the_index(store: Watched, clock: ManualClock) -> None:
    put_job(store, A, finished=True)
    clock.advance(100 * 86_400)
    put_job(store, OTHER, finished=False)
    entries = [note(store, job_id) for job_id in (A, OTHER, B)]  # A expires, B has no folder
    expire(store, BASE, LIMITS, clock, dry_run=True)
    assert [info.uri for info in store.list(f"{BASE}/index/")] == entries
    expire(store, BASE, LIMITS, clock, dry_run=False)
    assert [info.uri for info in store.list(f"{BASE}/index/")] == [entries[1]]


class LateStore(Watched):
    """A job is accepted while the folders are listed."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        found = list(super().list(prefix))
        if prefix == f"{BASE}/jobs/":
            put_job(self, OTHER, finished=False)
            note(self, OTHER)
        return iter(found)


def test_a_job_that_is_accepted_meanwhile_keeps_its_entry(clock: ManualClock) -> None:
    store = LateStore(clock)
    expire(store, BASE, LIMITS, clock, dry_run=False)
    assert len(list(store.list(f"{BASE}/index/"))) == 1
