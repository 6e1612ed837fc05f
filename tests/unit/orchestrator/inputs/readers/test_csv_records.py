"""CSV records: an open quote costs one line."""

from __future__ import annotations

import time

import pytest

from fakes.input_rows import rows_of
from llmbatch.core.request_options import InputFormat
from llmbatch.orchestrator.inputs.readers import csv_records as module
from llmbatch.orchestrator.inputs.readers.csv_records import csv_records
from llmbatch.orchestrator.inputs.readers.lines import split_lines


def test_csv_quote_open_until_the_end_costs_one_line() -> None:
    rows = rows_of(b'prompt,x\n"open,1\ntwo,2\nthree,3\n', InputFormat.CSV)
    assert [(row.line, row.error is None) for row in rows] == [(2, False), (3, True), (4, True)]
    assert "never closed" in rows[0].error


def test_csv_quote_open_for_too_long_costs_one_line() -> None:
    filler = b"".join(b"%d,%s\n" % (number, b"row" * 30) for number in range(15_000))
    rows = rows_of(
        b'x,prompt\n1,"open\n' + filler, InputFormat.CSV, staging={"max_prompt_chars": 100, "max_media_bytes": 0}
    )
    assert "not closed within" in rows[0].error
    assert len(rows) == 15_001
    assert all(row.error is None for row in rows[1:])


def records(body: bytes, delimiter: str = ",") -> list[tuple[int, list[str], bool]]:
    found = csv_records(split_lines(iter([body]), 1000), delimiter, 1000)
    return [(record.number, record.fields, record.error is None) for record in found]


def test_a_record_has_the_number_of_its_first_line() -> None:
    assert records(b'a,b\n\n"1\n2",3\r\n4,"5"') == [
        (1, ["a", "b"], True), (3, ["1\n2", "3"], True), (5, ["4", "5"], True),
    ]  # fmt: skip
    assert records(b"a\tb,c", "\t") == [(1, ["a", "b,c"], True)]


def test_a_broken_record_costs_its_first_line() -> None:
    assert records(b'"a\nb,c\n') == [(1, [], False), (2, ["b", "c"], True)]
    assert records(b'"a" b\nc') == [(1, [], False), (2, ["c"], True)]


def test_quotes_that_open_in_every_line_cost_linear_time() -> None:
    """Each line opens a quote, and closes one that is open and opens another: each would be read to the end."""
    lines = 100_000
    started = time.process_time()
    found = list(csv_records(split_lines(iter([b"a,b\n" + b'a","x\n' * lines]), 10_000_000), ",", 10_000_000))
    assert len(found) == lines + 1
    assert all(record.error for record in found[1:])
    assert time.process_time() - started < 10


def test_a_record_has_a_limit_of_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blank lines have no bytes, and are kept while a quote is open."""
    monkeypatch.setattr(module, "MAX_RECORD_LINES", 10)
    body = b'a,b\n1,"' + b"\n" * 50 + b"2,c\n"
    found = list(csv_records(split_lines(iter([body]), 1000), ",", 1000))
    assert [(record.number, record.error is None) for record in found] == [(1, True), (2, False), (52, True)]
    assert "not closed within 10 lines" in found[1].error.message
