"""The columns of a table as they are, with the ids of their rows."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.input_rows import input_job, rows_of, table_bytes
from llmbatch.core.errors import RequestError
from llmbatch.core.request_options import InputFormat
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.inputs.keep import Keep
from llmbatch.orchestrator.inputs.prompt import RequestBuilder
from llmbatch.orchestrator.inputs.readers.own_columns import own_columns
from llmbatch.orchestrator.inputs.readers.sources import sources
from llmbatch.orchestrator.jobs.documents import read_inputs

PARQUET, CSV, JSONL = InputFormat.PARQUET, InputFormat.CSV, InputFormat.JSONL


def read(body: bytes, fmt: InputFormat, names: list[str] | None = None) -> list[pa.Table]:
    store = MemoryStore()
    spec = input_job(store, {"a": body}, fmt)
    (source,) = sources(read_inputs(spec, store), RequestBuilder.of(spec), store)
    keep = Keep(None, 1000, is_strict=False) if names is None else Keep(tuple(names), 1000, is_strict=True)
    return list(own_columns(source, fmt, keep))


def test_the_rows_are_those_of_the_requests() -> None:
    table = pa.table({"prompt": [f"q{n}" for n in range(3000)], "n": range(3000)})
    lines = b"prompt,n\n\n" + b"".join(b'"q\n%d",%d\n' % (n, n) for n in range(3000))
    for body, fmt in ((table_bytes(table, row_group_size=700), PARQUET), (lines, CSV)):
        found = pa.concat_tables(read(body, fmt))
        assert found["row_id"].to_pylist() == [row.row_id for row in rows_of(body, fmt)]
        assert [int(n) for n in found["n"].to_pylist()] == list(range(3000))
        assert max(part.num_rows for part in read(body, fmt)) <= 1024


def test_csv_columns_are_text_and_a_row_without_them_is_left_out() -> None:
    (found,) = read(b'a,,b\n1,x,"2\n3"\nbroken\n007,y,\n', CSV)
    assert found.to_pylist() == [
        {"row_id": "00000-000000002", "a": "1", "b": "2\n3"},
        {"row_id": "00000-000000005", "a": "007", "b": ""},
    ]


def test_values_of_json_lines_are_json() -> None:
    body = b'{"a": {"x": [1, 1.50]}, "b": "\\ud800"}\nbroken\n\n{"a": NaN, "c": 1}\n{"a": null, "b": "\xc3\xa4"}\n'
    (found,) = read(body, JSONL, ["a", "b"])
    assert found.schema.field("a").type == pa.json_()
    assert found.to_pylist() == [
        {"row_id": "00000-000000001", "a": '{"x":[1,1.5]}', "b": '"\\ud800"'},
        {"row_id": "00000-000000004", "a": None, "b": None},
        {"row_id": "00000-000000005", "a": None, "b": '"ä"'},
    ]


def test_only_the_named_columns_are_read() -> None:
    body = table_bytes(pa.table([[1], [2], [3]], names=["x", "y", "x"]))
    assert [table.schema.names for table in read(body, PARQUET)] == [["row_id", "y"]]
    assert read(body, PARQUET, ["other"]) == []
    (found,) = read(b"a,b\n1,2\n", CSV, ["b", "other"])
    assert found.schema.names == ["row_id", "b"]


def test_tables_are_bounded_in_bytes() -> None:
    body = b"a,b\n" + b"".join(b"%s,1\n" % (b"x" * 2**20) for _ in range(20))
    assert [table.num_rows for table in read(body, CSV)] == [7, 7, 6]


def test_an_object_that_is_not_of_the_format_is_an_error() -> None:
    with pytest.raises(RequestError, match="is not a Parquet file"):
        read(b"no", PARQUET)


def test_a_parquet_column_that_is_too_large_on_average_is_not_read_unless_it_was_named() -> None:
    images = [bytes([n]) * 2000 for n in range(50)]
    body = table_bytes(pa.table({"image": images, "label": ["x"] * 50, "a.b": [1] * 50}))
    assert [table.schema.names for table in read(body, PARQUET)] == [["row_id", "label", "a.b"]]
    assert [table.schema.names for table in read(body, PARQUET, ["image"])] == [["row_id", "image"]]


BODY = table_bytes(pa.table({"a": ["x"] * 9, "b": [[1, 2]] * 9, "c": [{"d": 0.5}] * 9}), row_group_size=4)


@given(place=st.integers(4, len(BODY) - 5), value=st.integers(0, 255))
def test_a_damaged_object_is_an_error_that_names_it(place: int, value: int) -> None:
    body = BODY[:place] + bytes([value]) + BODY[place + 1 :]
    try:
        found = sum(table.num_rows for table in read(body, PARQUET))
    except RequestError:
        return
    assert found <= 9
