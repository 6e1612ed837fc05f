from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Histogram

from llmbatch.core.errors import ObjectMissing, StoreError
from llmbatch.core.store import MemoryStore
from llmbatch.gateway.metrics.timed_store import timed

URI = "s3://b/k"


def counts(registry: CollectorRegistry, operation: str) -> dict[str, float | None]:
    labels = ({"operation": operation, "result": result} for result in ("ok", "error"))
    return {each["result"]: registry.get_sample_value("s_count", each) for each in labels}


def test_requests_are_counted_by_operation_and_result(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, inner = CollectorRegistry(), MemoryStore()
    store = timed(inner, Histogram("s", "h", ("operation", "result"), registry=registry))
    inner.put(URI, b"x")
    assert (store.get(URI), store.get_aged(URI).body, store.head(URI).size) == (b"x", b"x", 1)
    assert [info.uri for info in store.list("s3://b/")] == [URI]
    with pytest.raises(ObjectMissing):
        store.get("s3://b/none")

    def fail(uri: str) -> None:
        raise StoreError("down")

    monkeypatch.setattr(inner, "list", fail)
    with pytest.raises(StoreError):
        store.list("s3://b/")
    assert counts(registry, "get") == {"ok": 2, "error": None}
    assert counts(registry, "get_aged") == {"ok": 1, "error": None}
    assert counts(registry, "head") == {"ok": 1, "error": None}
    assert counts(registry, "list") == {"ok": 1, "error": 1}


def test_a_listing_that_fails_on_its_way_is_an_error() -> None:
    registry, inner = CollectorRegistry(), MemoryStore()

    def half(prefix: str):
        yield inner.put(URI, b"x")
        raise StoreError("down")

    inner.list = half  # type: ignore[method-assign]
    store = timed(inner, Histogram("s", "h", ("operation", "result"), registry=registry))
    with pytest.raises(StoreError):
        list(store.list("s3://b/"))
    assert counts(registry, "list") == {"ok": None, "error": 1}


def test_other_methods_are_those_of_the_store() -> None:
    registry, inner = CollectorRegistry(), MemoryStore()
    store = timed(inner, Histogram("s", "h", ("operation", "result"), registry=registry))
    store.put(URI, b"x")
    assert inner.get(URI) == b"x"
