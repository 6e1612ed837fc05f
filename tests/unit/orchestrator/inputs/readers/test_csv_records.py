"""CSV records: an open quote costs one line."""

from __future__ import annotations

from fakes.input_rows import rows_of
from llmbatch.core.job_request import InputFormat


def test_csv_quote_open_until_the_end_costs_one_line() -> None:
    rows = rows_of(b'prompt,x\n"open,1\ntwo,2\nthree,3\n', InputFormat.CSV)
    assert [(row.line, row.error is None) for row in rows] == [(2, False), (3, True), (4, True)]
    assert "never closed" in rows[0].error


def test_csv_quote_open_for_too_long_costs_one_line() -> None:
    filler = b"".join(b"%d,%s\n" % (number, b"row" * 30) for number in range(15_000))
    rows = rows_of(b'x,prompt\n1,"open\n' + filler, InputFormat.CSV, staging={"max_prompt_chars": 100})
    assert "not closed within" in rows[0].error
    assert len(rows) == 15_001
    assert all(row.error is None for row in rows[1:])
