"""A store for one look: bounded in bytes and seconds, and without a way to write."""

from __future__ import annotations

import pytest

from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import RequestError
from llmbatch.core.job_spec import InputObject
from llmbatch.core.store import MemoryStore
from llmbatch.gateway.pages.start import bounded_store
from llmbatch.gateway.pages.start.bounded_store import MOST_SECONDS, bounded
from llmbatch.orchestrator.inputs.readers.object_stream import object_chunks


def _store() -> tuple[MemoryStore, InputObject]:
    store = MemoryStore()
    info = store.put("s3://b/x", b"a" * 100)
    store.put("s3://b/y", b"b" * 100)
    return store, InputObject(uri=info.uri, etag=info.etag, size=info.size)


def test_it_reads_as_the_store_does() -> None:
    store, obj = _store()
    look = bounded(store, ManualClock())
    assert look.get(obj.uri) == store.get(obj.uri) == look.get_aged(obj.uri).body
    assert look.head(obj.uri) == store.head(obj.uri)
    assert look.metadata(obj.uri, obj.etag) == {}
    assert [info.uri for info in look.list("s3://b/")] == ["s3://b/x", "s3://b/y"]
    assert look.read_range(obj.uri, obj.etag, 2, 3) == b"aaa"
    with look.open_stream(obj.uri, obj.etag) as stream:
        assert stream.read() == b"a" * 100


@pytest.mark.parametrize("name", ["put", "create", "replace", "delete", "delete_many", "copy", "upload", "presigned"])
def test_nothing_can_be_written(name: str) -> None:
    assert not hasattr(bounded(_store()[0], ManualClock()), name)


def test_all_reads_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_store, "MOST_BYTES", 250)
    store, obj = _store()
    look = bounded(store, ManualClock())
    look.get(obj.uri)
    look.read_range(obj.uri, obj.etag, 0, 100)
    with pytest.raises(RequestError, match="input_uri: the look at the first rows ended after 0 MiB"):
        look.get_aged(obj.uri)


def test_a_stream_that_is_too_long_is_not_continued_by_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_store, "MOST_BYTES", 50)
    store, obj = _store()
    with pytest.raises(RequestError, match="ended after"):
        list(object_chunks(bounded(store, ManualClock()), obj))


def test_every_request_is_bounded_in_time() -> None:
    store, obj = _store()
    clock = ManualClock()
    look = bounded(store, clock)
    listing = look.list("s3://b/")
    next(listing)
    stream = look.open_stream(obj.uri, obj.etag)
    clock.advance(MOST_SECONDS + 1)
    calls = (
        lambda: look.get(obj.uri),
        lambda: look.get_aged(obj.uri),
        lambda: look.head(obj.uri),
        lambda: look.metadata(obj.uri, obj.etag),
        lambda: next(listing),
        lambda: stream.read(1),
        lambda: look.open_stream(obj.uri, obj.etag),
        lambda: look.read_range(obj.uri, obj.etag, 0, 1),
    )
    for call in calls:
        with pytest.raises(RequestError, match="10 seconds"):
            call()
