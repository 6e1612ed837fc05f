"""The store in memory behaves as S3 does."""

from __future__ import annotations

import pytest

from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import InputChanged, ObjectChanged, ObjectExists, ObjectMissing
from llmbatch.core.store import AgedBody, MemoryStore, ObjectInfo

URI = "s3://b/k"


def test_memory_store():
    store = MemoryStore()
    info = store.create(URI, b"12345")
    assert store.read_range(URI, info.etag, 1, 3) == b"234"
    assert [o.uri for o in store.list("s3://b/")] == [URI]
    with pytest.raises(ObjectExists):
        store.create(URI, b"x")
    store.put(URI, b"new")
    with pytest.raises(InputChanged):
        store.open_stream(URI, info.etag)
    with pytest.raises(ObjectMissing):
        store.get("s3://b/absent")


def test_memory_store_replaces_and_copies_one_version_only():
    clock = ManualClock()
    store = MemoryStore(clock)
    old = store.put(URI, b"old")
    clock.advance(60)
    new = store.replace(URI, b"new", old.etag)
    assert store.head(URI).modified == clock.now()
    with pytest.raises(ObjectChanged, match="read it again"):
        store.replace(URI, b"x", old.etag)
    with pytest.raises(ObjectChanged):
        store.copy(old, "s3://b/copy")
    assert store.copy(new, "s3://b/copy") == ObjectInfo("s3://b/copy", new.etag, 3)
    with pytest.raises(ObjectMissing):
        store.replace("s3://b/absent", b"", old.etag)
    store.delete(URI)
    store.delete(URI)
    store.delete_many([URI, "s3://b/copy"])
    assert store.objects == {}


def test_memory_store_reads_metadata_and_deletes_by_version():
    store = MemoryStore()
    old = store.put("s3://b/k", b"old")
    store.user_metadata["s3://b/k"] = {"a": "1"}
    assert store.metadata("s3://b/k", old.etag) == {"a": "1"}
    new = store.put("s3://b/k", b"new")
    with pytest.raises(ObjectChanged):
        store.metadata("s3://b/k", old.etag)
    with pytest.raises(ObjectChanged):
        store.delete_version("s3://b/k", old.etag)
    assert store.get("s3://b/k") == b"new"
    store.delete_version("s3://b/k", new.etag)
    store.delete_version("s3://b/k", new.etag)
    with pytest.raises(ObjectMissing):
        store.metadata("s3://b/k", new.etag)


def test_memory_store_knows_the_age_of_what_it_wrote():
    clock = ManualClock()
    store = MemoryStore(clock)
    store.put(URI, b"x")
    clock.advance(9)
    assert (store.get_aged(URI), store.get_aged(URI).at) == (AgedBody(b"x", 9), clock.now())
    store.objects["s3://b/other"] = b"y"
    assert store.get_aged("s3://b/other") == AgedBody(b"y", None)
