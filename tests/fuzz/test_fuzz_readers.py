"""Whatever bytes come in, each record is a row or a failed row with a reason, or the job is refused with the object."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from decimal import Decimal

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from fakes.input_rows import table_bytes
from fuzz.outcome import rows_of, rows_or_refusal
from fuzz.profile import fuzz
from fuzz.values import JSON, OPENAI, RECORD, TEXTS, line_of
from llmbatch.core.errors import RequestError
from llmbatch.core.request_options import InputFormat

PLAIN: Callable[[bytes], bytes] = bytes
GOOD = {
    InputFormat.OPENAI_BATCH: b'{"custom_id":"a","method":"POST","url":"/v1/completions","body":{"prompt":"a"}}\n' * 3,
    InputFormat.JSONL: b'{"prompt":"a","id":1}\n{"prompt":"b"}\n',
    InputFormat.CSV: b'id,prompt\n1,"a ""b"" c"\n2,"a\nb"\n',
    InputFormat.PARQUET: table_bytes(pa.table({"prompt": ["a", "b"], "messages": [[{"role": "user"}]] * 2})),
}
REQUESTS = st.fixed_dictionaries(
    {},
    optional={"system_prompt": st.just("s"), "id_column": st.sampled_from(["id", "none"])},
) | st.sampled_from([{"prompt_column": "text"}, {"messages_column": "prompt"}, {"prompt_template": "{id} {text}"}])


@pytest.mark.parametrize(("fmt", "record"), [(InputFormat.OPENAI_BATCH, OPENAI), (InputFormat.JSONL, RECORD)])
@fuzz(4)
@given(data=st.data(), request=REQUESTS)
def test_any_value_in_any_field_of_a_line(
    fmt: InputFormat, record: st.SearchStrategy[object], data: st.DataObject, request: dict[str, str]
) -> None:
    values = data.draw(st.lists(record | JSON, min_size=1, max_size=4))
    if fmt is InputFormat.OPENAI_BATCH:
        request = {}
    rows = rows_of(b"\n".join(map(line_of, values)), fmt, **request)
    assert [row.line for row in rows] == list(range(1, len(values) + 1))


@pytest.mark.parametrize("fmt", [InputFormat.OPENAI_BATCH, InputFormat.JSONL])
@fuzz(2)
@given(
    lines=st.lists(st.binary(max_size=30) | OPENAI.map(line_of), max_size=5),
    pack=st.sampled_from([PLAIN, gzip.compress]),
)
def test_every_line_that_is_not_blank_is_a_row(
    fmt: InputFormat, lines: list[bytes], pack: Callable[[bytes], bytes]
) -> None:
    body = b"\n".join([b'{"prompt": "a"}', *lines])  # never the first bytes of another kind of file
    rows = rows_of(pack(body), fmt)
    assert [row.line for row in rows] == [n for n, line in enumerate(body.split(b"\n"), 1) if line.strip()]


@fuzz(4)
@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2), max_size=5), st.sampled_from(["id", "sampling", "custom_id"]))
def test_any_text_in_a_csv_field(records: list[list[str]], column: str) -> None:
    sink = io.StringIO()
    csv.writer(sink, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([[column, "prompt"], *records])
    found = rows_or_refusal(sink.getvalue().encode("utf-8", "surrogatepass"), InputFormat.CSV)
    assert not isinstance(found, RequestError)
    assert len(found) >= len(records)  # a record with a NUL or half a surrogate pair ends at its first line


@fuzz(4)
@given(st.lists(st.text('",;a\n\r\t', max_size=12), max_size=8).map("\n".join))
def test_any_quotes_in_a_csv_file(text: str) -> None:
    rows = rows_of(b"id,prompt\n" + text.encode(), InputFormat.CSV)
    filled = {number for number, line in enumerate(text.split("\n"), 2) if line.strip()}
    assert {row.line for row in rows} <= filled
    assert min(filled, default=None) == min((row.line for row in rows), default=None)


TYPES: list[tuple[pa.DataType, st.SearchStrategy[object]]] = [
    (pa.string(), TEXTS.map(lambda text: text.encode("utf-8", "replace").decode())),
    (pa.binary(), st.binary(max_size=9)),
    (pa.binary(2), st.binary(min_size=2, max_size=2)),
    (pa.bool_(), st.booleans()),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.float64(), st.floats()),
    (pa.decimal128(20, 3), st.integers(-(10**9), 10**9).map(lambda number: Decimal(number) / 1000)),
    (pa.timestamp("us"), st.integers(-(2**63), 2**63 - 1)),
    (pa.timestamp("ns", "Europe/Paris"), st.integers(-(2**63), 2**63 - 1)),
    (pa.timestamp("ms", "No/Where"), st.integers(-(2**50), 2**50)),
    (pa.date32(), st.integers(-(2**31), 2**31 - 1)),
    (pa.time64("ns"), st.integers(0, 86_399_999_999_999)),
    (pa.duration("us"), st.integers(-(2**62), 2**62)),
    (pa.list_(pa.string()), st.lists(st.text(max_size=3), max_size=3)),
    (pa.list_view(pa.string()), st.lists(st.text(max_size=3), max_size=3)),
    (pa.list_(pa.timestamp("ns")), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3)),
    (pa.list_(pa.timestamp("us")), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3)),
    (
        pa.struct({"max_tokens": pa.int64(), "at": pa.date32()}),
        st.fixed_dictionaries({"max_tokens": st.integers(0, 9)}),
    ),
    (pa.map_(pa.string(), pa.int64()), st.lists(st.tuples(st.text(max_size=3), st.integers(0, 9)), max_size=3)),
    (
        pa.list_(pa.struct({"role": pa.string(), "content": pa.string()})),
        st.lists(
            st.fixed_dictionaries({"role": st.sampled_from(["user", "x"]), "content": st.text(max_size=3)}), max_size=2
        ),
    ),
    (pa.dictionary(pa.int32(), pa.string()), st.text(max_size=3)),
    (pa.null(), st.none()),
]


@st.composite
def columns(draw: st.DrawFn, rows: int) -> pa.Array:
    """Return a column of any type, with nulls; texts may hold bytes that are not UTF-8."""
    kind, values = draw(st.sampled_from(TYPES))
    array = pa.array(draw(st.lists(st.none() | values, min_size=rows, max_size=rows)), kind)
    if kind == pa.binary() and draw(st.booleans()):
        return pa.Array.from_buffers(pa.string(), len(array), array.buffers())
    return array


@fuzz(6)
@given(st.data(), REQUESTS)
def test_any_type_in_any_parquet_column(data: st.DataObject, request: dict[str, str]) -> None:
    rows = data.draw(st.integers(0, 4))
    names = data.draw(
        st.sets(st.sampled_from(["prompt", "text", "messages", "id", "custom_id", "sampling"]), min_size=3)
    )
    table = pa.table({name: data.draw(columns(rows)) for name in sorted(names)})
    options = data.draw(
        st.fixed_dictionaries({}, optional={"use_dictionary": st.booleans(), "row_group_size": st.just(2)})
    )
    found = rows_or_refusal(table_bytes(table, **options), InputFormat.PARQUET, **request)
    if isinstance(found, RequestError):
        assert "has no column" in found.problem
    else:
        assert len(found) == rows


@pytest.mark.parametrize("fmt", GOOD)
@fuzz(3)
@given(
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 4), st.binary(max_size=4)), min_size=1, max_size=4),
    st.sampled_from([PLAIN, gzip.compress, zstandard.compress]),
    st.booleans(),
)
def test_damaged_bytes(
    fmt: InputFormat, changes: list[tuple[int, int, bytes]], pack: Callable[[bytes], bytes], is_packed_first: bool
) -> None:
    body = bytearray(pack(GOOD[fmt]) if is_packed_first else GOOD[fmt])
    for where, removed, added in changes:
        at = where % len(body) if body else 0
        body[at : at + removed] = added
    rows_or_refusal(bytes(body) if is_packed_first else pack(bytes(body)), fmt)


@pytest.mark.parametrize("fmt", GOOD)
@fuzz(1)
@given(st.binary(max_size=200))
def test_any_bytes(fmt: InputFormat, body: bytes) -> None:
    rows_or_refusal(body or b"\n", fmt)
