"""Rows of one object with bounds."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.gateway.pages.job import stored_rows
from llmbatch.gateway.pages.job.stored_rows import TooLarge, cut, first_rows


def put(store: MemoryStore, *texts: str, group_rows: int = 2) -> ObjectInfo:
    sink = io.BytesIO()
    table = pa.table({"text": list(texts), "other": ["x" * 100_000] * len(texts)})
    pq.write_table(table, sink, row_group_size=group_rows)
    return store.put("s3://b/o.parquet", sink.getvalue())


def test_the_first_rows_across_groups() -> None:
    store = MemoryStore()
    assert first_rows(put(store, "a", "b", "c", "d"), ["text"], 3, store) == tuple({"text": each} for each in "abc")


def test_a_group_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_rows, "MOST_BYTES", 10_000)
    store = MemoryStore()
    info = put(store, "a", "b", "y" * 20_000)
    assert first_rows(info, ["text"], 2, store) == ({"text": "a"}, {"text": "b"})
    with pytest.raises(TooLarge):
        first_rows(info, ["text"], 3, store)
    with pytest.raises(TooLarge):
        first_rows(info, ["other"], 1, store)


def test_what_is_not_parquet_is_an_error_of_arrow() -> None:
    store = MemoryStore()
    with pytest.raises(pa.ArrowException):
        first_rows(store.put("s3://b/o.parquet", b"{}"), ["text"], 1, store)


def test_a_long_text_is_cut_and_says_how_long_it_was() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "abc… (4 characters)"
