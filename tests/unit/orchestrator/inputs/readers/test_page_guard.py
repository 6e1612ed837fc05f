"""Parquet bombs: small files whose rows would take gigabytes, run in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakes.input_rows import builder_of, rows_of, table_bytes
from llmbatch.core.errors import RequestError
from llmbatch.core.job_spec import InputObject
from llmbatch.core.request_options import InputFormat
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.inputs.readers import page_guard
from llmbatch.orchestrator.inputs.readers.page_guard import PageGuard
from llmbatch.orchestrator.inputs.readers.page_header import PageHeader
from llmbatch.orchestrator.inputs.readers.parquet import open_parquet
from llmbatch.orchestrator.inputs.readers.range_file import RangeFile
from llmbatch.orchestrator.inputs.readers.source import Source

ROOT = Path(__file__).parents[5]
MOST_KIB = 900 * 1024
"""Most memory that the process may take; Python, Arrow and the test's modules take about 150 MiB of it."""

_CHILD = """
import re, sys
from collections import Counter
from fakes.input_rows import input_job
from llmbatch.orchestrator.inputs.prompt import RequestBuilder
from llmbatch.core.errors import RequestError
from llmbatch.core.request_options import InputFormat
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.documents import read_inputs
from llmbatch.orchestrator.staging.rows import staged_rows
store = MemoryStore()
spec = input_job(store, {"bomb": open(sys.argv[1], "rb").read()}, InputFormat.PARQUET)
try:
    rows = staged_rows(spec, read_inputs(spec, store), store, RequestBuilder.of(spec))
    print(*Counter(str(row.error_class) for row in rows).items())
except RequestError as error:
    print(error)
print(*re.findall(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read()))
"""
"""Prints how the rows ended, or the refusal, and the most memory that the process took, in KiB."""


def same(value: str, times: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * times, pa.int32()), [value])


def repeated_value() -> bytes:
    """2048 rows with one value of 400,000 characters: about 450 bytes."""
    return table_bytes(pa.table({"prompt": same("x" * 400_000, 2048)}), compression="zstd")


def repeated_in_lists() -> bytes:
    texts = same("x" * 400_000, 64 * 128)
    lists = pa.ListArray.from_arrays(pa.array(range(0, len(texts) + 1, 128), pa.int32()), texts)
    return table_bytes(pa.table({"messages": lists}), compression="zstd")


def one_row_of_many_values() -> bytes:
    texts = same("x" * 1000, 2**20)
    lists = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts)
    return table_bytes(pa.table({"messages": lists}), compression="zstd")


def too_many_values_in_lists() -> bytes:
    values = pa.nulls(17 * 2**20, pa.string())
    offsets = pa.array([0, len(values)], pa.int32())
    return table_bytes(pa.table({"messages": pa.ListArray.from_arrays(offsets, values)}), compression="zstd")


def large_page() -> bytes:
    table = pa.table({"prompt": ["x" * 400_000] * 1000})
    return table_bytes(table, compression="zstd", use_dictionary=False)


def large_pages_under_a_small_average() -> bytes:
    """64 MiB pages of one value each behind so many short rows that the average is a few bytes."""
    texts = ["a"] * 300_000 + ["x" * 2**26] * 9
    return table_bytes(pa.table({"prompt": texts}), compression="zstd", use_dictionary=False, write_batch_size=1)


def prefixes() -> bytes:
    """Each value is the one before it: nothing is stored but the length of the prefix."""
    table = pa.table({"prompt": ["x" * 2_000_000] * 300})
    encoding = {"prompt": "DELTA_BYTE_ARRAY"}
    return table_bytes(table, compression="zstd", use_dictionary=False, column_encoding=encoding)


BOMBS: dict[Callable[[], bytes], str] = {
    repeated_value: "('None', 2048)",
    repeated_in_lists: "('too_long', 64)",
    one_row_of_many_values: "('too_long', 1)",
    too_many_values_in_lists: "has 17825792 values in one row group, more than 16777216",
    large_page: "has a page of 400004007 bytes, more than 256 MiB unpacked",
    large_pages_under_a_small_average: "has rows of which a few take, more than 512 MiB unpacked",
    prefixes: "('too_long', 300)",
}


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.__name__)
def test_memory_is_bounded_by_what_the_pages_hold(bomb: Callable[[], bytes], tmp_path: Path) -> None:
    (tmp_path / "bomb.parquet").write_bytes(bomb())
    paths = os.pathsep.join(str(ROOT / name) for name in ("include", "tests"))
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(tmp_path / "bomb.parquet")],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    said, peak_kib = done.stdout.splitlines()
    assert BOMBS[bomb] in said
    assert int(peak_kib) < MOST_KIB


def test_a_footer_that_understates_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits are those of the pages; the footer's sizes choose only how many rows are decoded at once."""
    monkeypatch.setattr(page_guard, "PAGE_BYTES", 2**20)
    table = pa.table({"prompt": ["x" * 2**20, "y" * 2**20]})
    with pytest.raises(
        RequestError, match=r"takes too much memory: column `prompt` has a page of 2097166 bytes, more than 1 MiB"
    ):
        rows_of(table_bytes(table, use_dictionary=False), InputFormat.PARQUET)


def test_texts_in_lists_with_prefixes_are_refused_with_the_encoding() -> None:
    encoding = {"messages.list.element": "DELTA_BYTE_ARRAY"}
    body = table_bytes(pa.table({"messages": [["a", "b"]]}), use_dictionary=False, column_encoding=encoding)
    with pytest.raises(RequestError, match="has a page of encoding DELTA_BYTE_ARRAY of"):
        rows_of(body, InputFormat.PARQUET)


def test_rows_are_read_whole_and_in_order_over_pages_and_groups() -> None:
    texts = [f"prompt {number} " * (number % 40 + 1) for number in range(20_000)]
    table = pa.table({"prompt.x": [0] * len(texts), "id": range(len(texts)), "prompt": texts})
    for version in ("1.0", "2.0"):
        body = table_bytes(table, row_group_size=7000, data_page_size=20_000, data_page_version=version)
        assert pq.read_metadata(pa.BufferReader(body)).num_row_groups == 3
        rows = rows_of(body, InputFormat.PARQUET)
        assert [row.custom_id for row in rows] == [str(number) for number in range(len(texts))]
        assert all(text in row.request for text, row in zip(texts, rows, strict=True))


@pytest.mark.parametrize(
    ("page", "error", "words"),
    [
        (PageHeader(True, 10, 1, 1, 0, 0), ValueError, "a dictionary behind other pages"),
        (PageHeader(False, 10, 1, 1, 7, 0), RequestError, "has a page of encoding DELTA_BYTE_ARRAY of 10 bytes"),
        (PageHeader(False, 2**29, 1, 1, 0, 0), RequestError, "has a page of 536870912 bytes, more than 256 MiB"),
        (PageHeader(False, 1, 2**29, 1, 0, 0), RequestError, "has a page of 1 bytes, more than 256 MiB"),
        (PageHeader(True, 2**27, 1, 1, 0, 0), RequestError, "has a dictionary of 134217728 bytes, more than 64 MiB"),
        (PageHeader(True, 1, 1, 2**31, 0, 0), RequestError, "has a page of 2147483648 values, more than 16777216"),
        (PageHeader(False, 2**27, 1, 1, 0, 0), RequestError, "has rows of which a few take, more than 512 MiB"),
    ],
)
def test_pages_are_not_what_the_footer_says(
    page: PageHeader, error: type[Exception], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore()
    info = store.put("s3://b/a", table_bytes(pa.table({"prompt": ["a" * 5000]}), compression="none"))
    item = InputObject(uri=info.uri, etag=info.etag, size=info.size)
    source = Source(store, item, 0, builder_of(info.uri))
    guard = PageGuard(source, open_parquet(source, RangeFile(store, item)), ["prompt"], RangeFile(store, item).peek)
    monkeypatch.setattr(page_guard, "read_page_header", lambda read, at: page._replace(end=at + 10))
    with pytest.raises(error, match=words):
        _enter_and_look(guard)


def _enter_and_look(guard: PageGuard) -> None:
    guard.enter(0)
    guard.look(0, 10_000)
