"""Parquet rows: a bad row fails alone; damaged data fails the job."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakes.input_rows import request_of, rows_of, table_bytes
from llmbatch.core.errors import RequestError
from llmbatch.core.request_options import InputFormat
from llmbatch.orchestrator.inputs.readers import parquet


def test_bad_parquet_rows() -> None:
    texts = pa.array([b"one", None, b"", b"\xff", b"five"], pa.binary())
    texts = pa.Array.from_buffers(pa.string(), 5, texts.buffers())
    table = pa.table({"prompt": texts, "custom_id": [1, 2, 3, 4, 1], "other": [None] * 5})
    rows = rows_of(table_bytes(table), InputFormat.PARQUET, id_column="custom_id")
    assert [row.custom_id for row in rows] == ["1", "2", "3", "4", "1"]
    reasons = ["", "`prompt` is null", "`prompt` is blank", "column `prompt` is not UTF-8", "custom_id '1' was used"]
    assert [row.line for row in rows] == [1, 2, 3, 4, 5]
    for row, reason in zip(rows, reasons, strict=True):
        assert (row.error is None) == (reason == "")
        assert reason in (row.error or "")
    assert "line 5 of a.txt" in rows[4].error
    assert "in line 1 of a.txt" in rows[4].error


def test_rows_of_a_table_with_ids_of_any_type() -> None:
    stamps = pa.array([1, 2], pa.timestamp("ns"))
    uuids = pa.array([bytes(range(16)), bytes(range(1, 17))], pa.binary(16))
    text_of_stamp, text_of_uuid = "1970-01-01 00:00:00.000000002", "01020304-0506-0708-090a-0b0c0d0e0f10"
    for ids, text in ((stamps, text_of_stamp), (uuids, text_of_uuid)):
        rows = rows_of(table_bytes(pa.table({"key": ids, "prompt": ["a", ""]})), InputFormat.PARQUET, id_column="key")
        assert (rows[1].custom_id, rows[1].error is None) == (text, False)


def test_a_column_may_be_prompt_and_id() -> None:
    rows = rows_of(table_bytes(pa.table({"id": ["a"], "text": ["b"]})), InputFormat.PARQUET, prompt_column="id")
    assert (rows[0].custom_id, request_of(rows[0])["messages"][0]["content"]) == ("a", "a")


def test_parquet_messages_sampling_and_row_groups() -> None:
    messages = [[{"role": "user", "content": f"q{number}", "name": None}] for number in range(1000)]
    table = pa.table({"messages": messages, "sampling": ['{"seed": 5}'] * 1000})
    rows = rows_of(table_bytes(table, row_group_size=100), InputFormat.PARQUET)
    assert len(rows) == 1000
    assert request_of(rows[999]) == {
        "messages": [{"content": "q999", "role": "user"}],
        "max_completion_tokens": 256,
        "seed": 5,
    }


def test_damaged_parquet_data_loses_no_row_in_silence() -> None:
    table = pa.table({"prompt": [f"prompt {number} " * 20 for number in range(5000)]})
    body = bytearray(table_bytes(table, row_group_size=1000, use_dictionary=False, compression="zstd"))
    meta = pq.read_metadata(io.BytesIO(body))
    start = meta.row_group(3).column(0).data_page_offset
    body[start + 40 : start + 4000] = b"\xaa" * 3960
    with pytest.raises(RequestError, match=r"s3://b/in/a.txt is damaged after row [1-3]?\d*\. Write the file again"):
        rows_of(bytes(body), InputFormat.PARQUET)


@pytest.mark.parametrize("counted", [2, 4])
def test_a_footer_that_counts_more_or_fewer_rows_than_there_are_is_damage(counted: int) -> None:
    body = table_bytes(pa.table({"prompt": ["a", "b", "c"]}), row_group_size=1)
    count = b"\x16%c\x19"  # field 3 of the footer, a zigzag number, and the list of row groups
    assert body.count(count % (2 * 3)) == 1
    damaged = body.replace(count % (2 * 3), count % (2 * counted))
    with pytest.raises(RequestError, match=f"is damaged: it holds 3 rows where its footer counts {counted}"):
        rows_of(damaged, InputFormat.PARQUET)


def test_values_that_python_cannot_hold_fail_their_row_only() -> None:
    far = pa.array([0, 2**62, 1], pa.int64()).cast(pa.timestamp("us"))
    rows = rows_of(table_bytes(pa.table({"prompt": ["a", "b", "c"], "id": far})), InputFormat.PARQUET, id_column="id")
    assert [row.error is None for row in rows] == [True, False, True]
    assert "column `id` has a value out of range" in rows[1].error


def test_a_value_larger_than_a_row_may_be_fails_its_row_only() -> None:
    messages = [[{"role": "user", "content": content}] for content in ("a", "b" * 9_000_000, "c")]
    table = pa.table({"messages": messages})
    rows = rows_of(table_bytes(table), InputFormat.PARQUET, staging={"max_prompt_chars": 100, "max_media_bytes": 0})
    assert [row.error_class for row in rows] == [None, "too_long", None]
    assert "column `messages` has a value that is larger than a row may be" in rows[1].error


def test_a_column_named_twice_is_refused() -> None:
    table = pa.table([["a"], ["b"]], names=["prompt", "prompt"])
    with pytest.raises(RequestError, match="names the column `prompt` twice"):
        rows_of(table_bytes(table), InputFormat.PARQUET)


def test_a_footer_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "FOOTER_BYTES", 100)
    with pytest.raises(RequestError, match=r"has a footer of \d+ bytes, more than 100\. Write it again"):
        rows_of(table_bytes(pa.table({"prompt": ["a"]})), InputFormat.PARQUET)


def test_list_views_are_lists() -> None:
    table = pa.table({"tags": pa.array([["a"], ["b", "c"]], pa.list_view(pa.string()))})
    rows = rows_of(table_bytes(table), InputFormat.PARQUET, prompt_template="{tags}")
    assert [request_of(row)["messages"][0]["content"] for row in rows] == ['["a"]', '["b","c"]']


def test_an_id_that_cannot_be_read_is_left_out_by_default() -> None:
    far = pa.array([2**62, 1], pa.int64()).cast(pa.timestamp("us"))
    rows = rows_of(table_bytes(pa.table({"prompt": ["a", "b"], "id": far})), InputFormat.PARQUET)
    assert [(row.custom_id, row.error) for row in rows] == [(None, None), ("1970-01-01 00:00:00.000001", None)]
