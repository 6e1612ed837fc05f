"""One key, one job: after a failure at any step, and for any number of runs with the key."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from fakes.retries import CREATED, accepted, finished, proof_of, put_answers, store_with_input
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import ObjectExists, RequestError, StoreError
from llmbatch.core.job_request import parse_request
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.jobs.keys import request_digest
from llmbatch.orchestrator.publishing.publish import publish
from llmbatch.orchestrator.staging.stage import stage

CONF: dict[str, Any] = {"input_uri": "s3://b/in.jsonl", "idempotency_key": "nightly 2030-01-02"}


def specs_in(store: MemoryStore) -> list[str]:
    return [uri for uri in store.objects if uri.endswith("/spec.json")]


def test_the_second_run_works_on_the_first_one_s_job() -> None:
    store = store_with_input()
    first = finished(store, "first", **CONF)
    store.put("s3://b/in.jsonl", b"other")
    second = accepted(store, "second", **CONF)
    assert second == first
    assert specs_in(store) == [first.layout.spec]
    before = dict(store.objects)
    stage(second, store, ManualClock(CREATED))
    assert publish(second, store, ManualClock(CREATED)) == proof_of(first, store)
    assert store.objects == before


def test_the_second_run_goes_on_with_a_job_that_is_not_finished() -> None:
    store = store_with_input()
    first = accepted(store, "first", **CONF)
    second = accepted(store, "second", **CONF)
    stage(second, store, ManualClock(CREATED))
    put_answers(first, store, {})
    manifest = publish(second, store, ManualClock(CREATED))
    assert publish(first, store, ManualClock(CREATED)) == manifest
    assert manifest.job_id == first.job_id


@pytest.mark.parametrize(
    "other", [{"sla_hours": 1}, {"sampling": {"seed": 1}}, {"input_uri": "s3://b/other.jsonl"}, {"model": "big"}]
)
@pytest.mark.parametrize("run_id", ["first", "second"])
def test_a_key_stands_for_one_request(run_id: str, other: dict[str, Any]) -> None:
    store = store_with_input()
    first = accepted(store, "first", **CONF)
    before = dict(store.objects)
    with pytest.raises(RequestError, match=f"was used for {first.job_id} with another request.*another key") as caught:
        accepted(store, run_id, **CONF | other)
    assert caught.value.field == "idempotency_key"
    assert store.objects == before


def test_other_keys_and_no_key_make_new_jobs() -> None:
    store = store_with_input()
    jobs = [
        accepted(store, "a", **CONF),
        accepted(store, "b", **CONF | {"idempotency_key": "other"}),
        accepted(store, "c", input_uri=CONF["input_uri"]),
        accepted(store, "d", input_uri=CONF["input_uri"]),
    ]
    assert len({spec.job_id for spec in jobs}) == 4


def test_the_note_shows_no_key() -> None:
    store = store_with_input()
    accepted(store, "first", **CONF)
    (note,) = [uri for uri in store.objects if "/idempotency/" in uri]
    assert note.startswith("s3://llmbatch/llmbatch/idempotency/")
    assert "nightly" not in note
    assert b"nightly" not in store.get(note)


def test_a_refused_request_does_not_use_up_the_key() -> None:
    store = store_with_input()
    with pytest.raises(RequestError, match="does not exist"):
        accepted(store, "first", **CONF | {"input_uri": "s3://b/absent.jsonl"})
    assert accepted(store, "second", **CONF).run_id == "second"


class _DiesAtTheNote(MemoryStore):
    alive = False

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        if "/idempotency/" in uri and not self.alive:
            raise StoreError("down")
        return super().create(uri, body)


def _died_between_spec_and_note() -> MemoryStore:
    store = _DiesAtTheNote()
    store.objects = store_with_input().objects
    with pytest.raises(StoreError, match="down"):
        accepted(store, "first", **CONF)
    assert len(specs_in(store)) == 1
    store.alive = True
    return store


def test_a_run_that_died_before_the_note_goes_on() -> None:
    store = _died_between_spec_and_note()
    first = accepted(store, "first", **CONF)
    assert first.run_id == "first"
    assert accepted(store, "second", **CONF) == first


def test_a_run_that_died_before_the_note_adopts_what_was_faster() -> None:
    store = _died_between_spec_and_note()
    second = accepted(store, "second", **CONF)
    assert second.run_id == "second"
    assert accepted(store, "first", **CONF) == second
    assert accepted(store, "third", **CONF) == second


class _Rival(MemoryStore):
    """Another run accepts the same request between this run's read of the key and its write."""

    def __init__(self) -> None:
        super().__init__()
        self.rival: JobSpec | None = None
        self.conf: dict[str, Any] = CONF
        self._busy = False

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        if "/idempotency/" in uri and not self._busy:
            self._busy = True
            self.rival = accepted(self, "rival", **self.conf)
        return super().create(uri, body)


def test_of_two_runs_at_once_both_work_on_one_job() -> None:
    store = _Rival()
    store.objects = store_with_input().objects
    assert accepted(store, "first", **CONF) == store.rival
    assert accepted(store, "first", **CONF) == store.rival


def test_of_two_runs_at_once_with_other_requests_one_is_refused() -> None:
    store = _Rival()
    store.objects, store.conf = store_with_input().objects, CONF | {"sla_hours": 1}
    with pytest.raises(RequestError, match="another request"):
        accepted(store, "first", **CONF)


class _Refuses(MemoryStore):
    """S3 answers 409 while another write is under way, also if that one fails."""

    refusals = 1

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        if "/idempotency/" in uri and self.refusals:
            self.refusals -= 1
            raise ObjectExists(uri)
        return super().create(uri, body)


def test_a_conflict_without_a_winner_is_tried_again() -> None:
    store = _Refuses()
    store.objects = store_with_input().objects
    with pytest.raises(StoreError, match=r"although the object does not exist. Try again") as caught:
        accepted(store, "first", **CONF)
    assert caught.value.retryable
    first = accepted(store, "first", **CONF)
    assert accepted(store, "second", **CONF) == first


def test_a_key_whose_job_has_expired_is_told() -> None:
    store = store_with_input()
    first = accepted(store, "first", **CONF)
    del store.objects[first.layout.spec]
    with pytest.raises(RequestError, match=f"idempotency_key: identifies {first.job_id}, whose folder .* has expired"):
        accepted(store, "second", **CONF)
    assert accepted(store, "first", **CONF) == first


def test_a_default_that_is_written_out_is_the_same_request() -> None:
    plain = {"input_uri": "s3://b/k"}
    digest = request_digest(parse_request(plain))
    assert digest == request_digest(parse_request(plain | {"sla_hours": 24, "model": None, "completion_window": None}))
    assert digest == request_digest(parse_request(plain | {"idempotency_key": "k"}))
    assert digest != request_digest(parse_request(plain | {"priority": 1}))


def test_equal_keys_of_two_users_are_two_keys() -> None:
    store = store_with_input()
    ann, bob = (accepted(store, name, owner=name, **CONF) for name in ("ann", "bob"))
    assert (ann.run_id, bob.run_id) == ("ann", "bob")
    assert accepted(store, "later", owner="ann", **CONF) == ann
    assert accepted(store, "scheduled", **CONF).run_id == "scheduled"
    assert accepted(store, "other", owner="bob", **CONF | {"sla_hours": 1, "idempotency_key": "b"}).run_id == "other"


def test_a_forged_note_leads_to_no_other_folder() -> None:
    store = store_with_input()
    first = accepted(store, "first", **CONF)
    (note,) = [uri for uri in store.objects if "/idempotency/" in uri]
    store.put(note, store.get(note).replace(first.job_id.encode(), b"../elsewhere/job-1"))
    with pytest.raises(ValidationError, match="job_id"):
        accepted(store, "second", **CONF)
