"""Bytes of an input object: broken connections are resumed, a changed object is refused."""

from __future__ import annotations

import io
from typing import IO

import pytest

from fakes.input_rows import PLAIN, input_job, rows_of
from llmbatch.core.errors import InputChanged
from llmbatch.core.request_options import InputFormat
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.inputs.prompt import RequestBuilder
from llmbatch.orchestrator.jobs.documents import read_inputs
from llmbatch.orchestrator.staging.rows import staged_rows


class _BrokenBody(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 600_000:
            raise ConnectionResetError
        return super().read(size)


class _BreakingStore(MemoryStore):
    def open_stream(self, uri: str, etag: str) -> IO[bytes]:
        super().open_stream(uri, etag)
        return _BrokenBody(self.get(uri))


def test_broken_connection_is_resumed_by_range() -> None:
    store = _BreakingStore()
    rows = rows_of({"a": PLAIN}, InputFormat.JSONL, store=store)
    assert len(rows) == 50_000
    assert all(row.error is None for row in rows)


@pytest.mark.parametrize("fmt", [InputFormat.JSONL, InputFormat.PARQUET])
@pytest.mark.parametrize("replacement", [b"other", None])
def test_changed_input_is_refused(fmt: InputFormat, replacement: bytes | None) -> None:
    store = MemoryStore()
    spec = input_job(store, {"a": b'{"prompt": "a"}'}, fmt)
    objects = read_inputs(spec, store)
    del store.objects[objects[0].uri]
    if replacement is not None:
        store.put(objects[0].uri, replacement)
    with pytest.raises(InputChanged):
        list(staged_rows(spec, objects, store, RequestBuilder.of(spec)))


class _ReplacedOnTheWay(_BreakingStore):
    """The connection breaks, and the object is replaced before it is resumed."""

    def open_stream(self, uri: str, etag: str) -> IO[bytes]:
        stream = super().open_stream(uri, etag)
        self.put(uri, self.get(uri).replace(b"prompt", b"PROMPT"))
        return stream


def test_an_object_that_is_replaced_while_it_is_read_is_never_mixed() -> None:
    with pytest.raises(InputChanged):
        rows_of({"a": PLAIN}, InputFormat.JSONL, store=_ReplacedOnTheWay())


class _EmptyRanges(_BreakingStore):
    def read_range(self, uri: str, etag: str, start: int, length: int) -> bytes:
        return b""


def test_a_store_that_returns_nothing_is_not_read_for_ever() -> None:
    with pytest.raises(InputChanged):
        rows_of({"a": PLAIN}, InputFormat.JSONL, store=_EmptyRanges())
