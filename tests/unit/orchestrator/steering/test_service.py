"""The document of the service: no concurrent change is lost, and a repeated call changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import ObjectMissing, StoreError
from llmbatch.core.gateway_layout import service_uri
from llmbatch.core.service import Service
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.steering.control import TRIES
from llmbatch.orchestrator.steering.service import (
    change_service,
    forget_drained,
    note_drained,
    read_service,
    start_admission,
    stop_admission,
)

NOW = datetime(2030, 1, 1, tzinfo=UTC)
BASE = "s3://b/base"


def stop(store: MemoryStore, reason: str = "new GPUs", by: str = "ann", at: float = 0) -> Service:
    clock = ManualClock(NOW)
    clock.advance(at)
    return stop_admission(BASE, reason=reason, by=by, store=store, clock=clock)


def start(store: MemoryStore) -> Service:
    return start_admission(BASE, by="bob", store=store, clock=ManualClock(NOW))


def test_jobs_are_admitted_until_a_shutdown_and_after_a_resume() -> None:
    store = MemoryStore()
    assert read_service(BASE, store) == Service()
    assert stop(store) == read_service(BASE, store) == Service(admitting=False, reason="new GPUs", by="ann", at=NOW)
    assert start(store) == read_service(BASE, store) == Service(by="bob", at=NOW)


def test_a_repeated_call_changes_nothing() -> None:
    store = MemoryStore()
    start(store)
    assert store.objects == {}
    stop(store)
    before = dict(store.objects)
    assert stop(store, reason="other", by="bob", at=60).reason == "new GPUs"
    assert store.objects == before


def test_the_list_of_drained_jobs_grows_and_shrinks_and_outlives_both_calls() -> None:
    store = MemoryStore()
    stop(store)
    note_drained(BASE, ("a", "b"), store)
    assert note_drained(BASE, ("b", "c"), store).drained == ("a", "b", "c")
    assert start(store).drained == ("a", "b", "c")
    assert stop(store).drained == ("a", "b", "c")
    assert forget_drained(BASE, frozenset({"a", "x"}), store).drained == ("b", "c")


def test_a_damaged_document_admits_and_is_replaced() -> None:
    store = MemoryStore()
    store.put(service_uri(BASE), b"[]")
    assert read_service(BASE, store).admitting
    assert not stop(store).admitting


class Busy(MemoryStore):
    """Another process writes before each of the first writes."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def _other(self) -> None:
        if self.times:
            self.times -= 1
            old = Service.model_validate_json(self.objects.get(service_uri(BASE), b"{}"))
            new = old.model_copy(update={"drained": (*old.drained, f"other-{self.times}")})
            self.put(service_uri(BASE), new.model_dump_json().encode())

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        self._other()
        return super().create(uri, body)

    def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
        self._other()
        return super().replace(uri, body, etag)


def test_what_another_process_writes_in_between_is_kept() -> None:
    store = Busy(2)
    assert note_drained(BASE, ("a",), store).drained == ("other-1", "other-0", "a")


def test_it_gives_up_after_many_changes_in_between() -> None:
    with pytest.raises(StoreError, match="repeat the request"):
        note_drained(BASE, ("a",), Busy(TRIES))


def test_a_document_that_was_removed_after_it_was_read_is_written_anew() -> None:
    class Removed(MemoryStore):
        def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
            self.objects.pop(uri, None)  # another process
            return super().replace(uri, body, etag)

    store = Removed()
    stop(store)
    assert change_service(BASE, lambda old: old.model_copy(update={"drained": ("a",)}), store).drained == ("a",)


def test_without_a_bucket_the_error_passes() -> None:
    class NoBucket(MemoryStore):
        def create(self, uri: str, body: bytes) -> ObjectInfo:
            raise ObjectMissing(uri)

    with pytest.raises(ObjectMissing):
        stop(NoBucket())
