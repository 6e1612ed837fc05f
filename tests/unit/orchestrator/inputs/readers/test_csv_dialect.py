"""The delimiter of CSV, from its first lines."""

from __future__ import annotations

import pytest

from fakes.input_rows import builder_of
from llmbatch.core.errors import RequestError
from llmbatch.core.job_spec import InputObject
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.inputs.readers.csv_dialect import detected_delimiter, excel_delimiter, head_lines
from llmbatch.orchestrator.inputs.readers.lines import Line, split_lines
from llmbatch.orchestrator.inputs.readers.source import Source


def lines(body: bytes) -> list[Line]:
    return list(split_lines(iter([body]), 1_000_000))


def detected(body: bytes, *, is_all: bool = True) -> str:
    obj = InputObject(uri="s3://b/a", etag="e", size=len(body))
    source = Source(MemoryStore(), obj, 0, builder_of(obj.uri))
    return detected_delimiter(lines(body), is_all=is_all, source=source)


@pytest.mark.parametrize(
    ("body", "delimiter"),
    [
        (b"a,b\n1,2", ","),
        (b"a;b\n1;2,5\n2;3", ";"),
        (b"a\tb, c\n1\t2\n", "\t"),
        (b"a|b\n1|2;3\n", "|"),
        (b"prompt\nyes, no; maybe\n", ","),
        (b"a,b\n1,2\n1,2,3\n1\n", ","),
        (b'a;"b, c"\n"1, 2";3\n', ";"),
        (b'"broken\n1;2\n3;4\n', ";"),
        (b"", ","),
    ],
)
def test_the_delimiter_that_splits_lines_alike(body: bytes, delimiter: str) -> None:
    assert detected(body) == delimiter


def test_a_record_that_may_be_cut_off_does_not_count() -> None:
    assert detected(b'a;b\n1;"x, y', is_all=False) == ";"


def test_two_delimiters_that_fit_are_refused() -> None:
    with pytest.raises(
        RequestError, match=r"csv.delimiter: .* s3://b/a can be split at ',' \(2 columns\) or at ';' \(2 columns\)"
    ):
        detected(b"a,b;c\n1,2;3\n")


@pytest.mark.parametrize(
    ("line", "delimiter"),
    [(b"sep=;", ";"), (b'"sep=,"\r', ","), (b"sep=\t", "\t"), (b"sep=", None), (b"sep=;;", None), (b"separator", None)],
)
def test_excel_names_the_delimiter(line: bytes, delimiter: str | None) -> None:
    assert excel_delimiter(Line(1, line)) == delimiter


def test_the_head_is_bounded() -> None:
    assert len(head_lines(iter(lines(b"a\n" * 100)))) == 50
    assert len(head_lines(iter(lines((b"a" * 200_000 + b"\n") * 100)))) == 2
