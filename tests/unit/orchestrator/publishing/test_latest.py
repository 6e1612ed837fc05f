"""The pointer to the newest job of an output address."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta

import pytest

from fakes.finished_jobs import NOW, spec_of
from fakes.proofs import proof
from llmbatch.core.errors import StoreDenied, StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.publishing import latest
from llmbatch.orchestrator.publishing.latest import MOST_BYTES, Latest, latest_uri, point_to_latest

URI = "s3://b/out/latest.json"


def spec(number: int) -> JobSpec:
    made = spec_of(number, output_uri="s3://b/out/")
    return made.model_copy(update={"output_uri": f"s3://b/out/{made.job_id}/"})


def point(store: MemoryStore, number: int, minutes: int = 0) -> None:
    job = spec(number)
    point_to_latest(job, proof(job.job_id, NOW + timedelta(minutes=minutes)), store)


def newest(store: MemoryStore) -> str:
    return str(json.loads(store.get(URI))["job_id"])


def test_it_says_where_the_job_delivered_and_where_its_proof_is() -> None:
    store, job = MemoryStore(), spec(1)
    point(store, 1)
    assert json.loads(store.get(URI)) == {
        "schema_version": 1,
        "job_id": job.job_id,
        "output_uri": job.output_uri,
        "manifest_uri": job.layout.manifest,
        "finished_at": "2030-01-01T00:00:00Z",
    }


def test_a_job_that_delivers_into_its_own_folder_has_none() -> None:
    store = MemoryStore()
    point_to_latest(spec_of(1), proof(spec_of(1).job_id), store)
    assert (latest_uri(spec_of(1)), store.objects) == (None, {})


@pytest.mark.parametrize("order", list(itertools.permutations([(1, 5), (2, 9), (3, 9)])))
def test_in_any_order_the_last_finish_stays_then_the_greater_id(order: list[tuple[int, int]]) -> None:
    store = MemoryStore()
    for number, minutes in order:
        point(store, number, minutes)
        point(store, number, minutes)
    assert newest(store) == spec(3).job_id


class Racing(MemoryStore):
    """Another job writes its pointer just before this one's conditional write."""

    other: int | None = 2
    minutes = 9

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        self._overtake(uri)
        return super().create(uri, body)

    def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
        self._overtake(uri)
        return super().replace(uri, body, etag)

    def _overtake(self, uri: str) -> None:
        other, self.other = self.other, None
        if other is not None:
            job = spec(other)
            there = Latest(
                job_id=job.job_id,
                output_uri=job.output_uri,
                manifest_uri=job.layout.manifest,
                finished_at=NOW + timedelta(minutes=self.minutes),
            )
            self.put(uri, there.model_dump_json().encode())


@pytest.mark.parametrize("there", [None, 1])
@pytest.mark.parametrize(("minutes", "winner"), [(9, 2), (1, 3)])
def test_of_two_jobs_at_once_the_newest_stays(there: int | None, minutes: int, winner: int) -> None:
    store = Racing()
    store.minutes = minutes
    if there is not None:
        plain = MemoryStore()
        point(plain, there)
        store.objects = dict(plain.objects)
    point(store, 3, 5)
    assert newest(store) == spec(winner).job_id


@pytest.mark.parametrize("body", [b"not json", b'{"job_id": "x"}', b'{"a": "' + b"x" * MOST_BYTES + b'"}', b""])
def test_an_object_of_another_program_stays_with_a_warning(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    store.put(URI, body)
    point(store, 1)
    assert store.get(URI) == body
    assert f"event=latest_foreign job_id={spec(1).job_id} uri={URI}" in caplog.text


def test_a_pointer_with_more_fields_is_ours() -> None:
    store = MemoryStore()
    point(store, 1)
    store.put(URI, json.dumps(json.loads(store.get(URI)) | {"new": 1}).encode())
    point(store, 2, 1)
    assert newest(store) == spec(2).job_id


def test_a_store_that_forbids_it_costs_no_job(caplog: pytest.LogCaptureFixture) -> None:
    class Locked(MemoryStore):
        def create(self, uri: str, body: bytes) -> ObjectInfo:
            raise StoreDenied(uri)

    point(Locked(), 1)
    assert "event=latest_denied" in caplog.text


def test_a_pointer_that_never_rests_is_an_error_that_a_retry_can_help(monkeypatch: pytest.MonkeyPatch) -> None:
    class Restless(Racing):
        def _overtake(self, uri: str) -> None:
            self.other = 2
            self.minutes -= 1
            super()._overtake(uri)

    monkeypatch.setattr(latest.time, "sleep", lambda _: None)
    store = Restless()
    with pytest.raises(StoreError, match="changed by other jobs 20 times") as caught:
        point(store, 3, 30)
    assert caught.value.retryable
