"""CSV rows: a bad record fails alone, with its first line and the reason."""

from __future__ import annotations

import time

import pytest

from fakes.input_rows import request_of, rows_of
from llmbatch.core.errors import RequestError
from llmbatch.core.request_options import InputFormat

BAD_CSV = [
    (b"only one", 2, "1 fields where there are 2 columns"),
    (b"1,a,b", 2, "3 fields where there are 2 columns"),
    (b"1,", 2, "`prompt` is blank"),
    (b"1,\xe9t\xe9", 2, "not UTF-8"),
    (b"1,a\0b", 2, "NUL byte"),
    (b'1,"a"b', 2, "the quotes do not match"),
    (b'1,"never closed', 2, "the quotes do not match"),
    (b"1,a\rb", 2, "the quotes do not match"),
]


@pytest.mark.parametrize(("bad", "line", "reason"), BAD_CSV)
def test_bad_csv_record(bad: bytes, line: int, reason: str) -> None:
    rows = rows_of(b"id,prompt\r\n" + bad + b'\n\n2,"two, ""quoted""\nlines"\n3,three', InputFormat.CSV)
    assert [row.line for row in rows] == [line, 4, 6]
    assert rows[0].error.startswith(f"line {line} of a.txt: ")
    assert reason in rows[0].error
    assert request_of(rows[1])["messages"][0]["content"] == 'two, "quoted"\nlines'
    assert [row.custom_id for row in rows[1:]] == ["2", "3"]


def test_a_header_has_a_limit_and_is_checked_in_linear_time() -> None:
    def body(columns: int) -> bytes:
        return ",".join(["prompt", *(f"c{number}" for number in range(columns - 1))]).encode() + b"\n"

    assert rows_of(body(16_384), InputFormat.CSV) == []
    started = time.process_time()
    with pytest.raises(RequestError, match="has 300000 columns, more than 16384"):
        rows_of(body(300_000), InputFormat.CSV)
    assert time.process_time() - started < 5


def test_records_without_a_header_have_the_same_limit() -> None:
    with pytest.raises(RequestError, match="has 16385 columns, more than 16384"):
        rows_of(b"," * 16_384 + b"\n", InputFormat.CSV, csv={"header": False})
