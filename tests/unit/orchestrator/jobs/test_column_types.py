"""Types of own columns: plain, and one for a whole job."""

from __future__ import annotations

import pyarrow as pa
import pytest

from llmbatch.orchestrator.jobs.column_types import converted, plain_type, unified

S, I32, I64 = pa.string(), pa.int32(), pa.int64()
DICTIONARY = pa.dictionary(pa.int32(), S)


@pytest.mark.parametrize(
    ("kind", "plain"),
    [
        (DICTIONARY, S),
        (pa.string_view(), S),
        (pa.binary_view(), pa.binary()),
        (pa.list_(pa.field("element", DICTIONARY, nullable=False)), pa.list_(S)),
        (pa.list_view(I64), pa.list_(I64)),
        (pa.large_list_view(I64), pa.large_list(I64)),
        (pa.large_list(DICTIONARY), pa.large_list(S)),
        (pa.list_(DICTIONARY, 2), pa.list_(S, 2)),
        (pa.map_(S, DICTIONARY), pa.map_(S, S)),
        (pa.struct([pa.field("a", pa.list_(DICTIONARY), nullable=False)]), pa.struct([("a", pa.list_(S))])),
        (pa.timestamp("ns", "UTC"), pa.timestamp("ns", "UTC")),
        (pa.decimal128(9, 2), pa.decimal128(9, 2)),
    ],
)
def test_encodings_are_no_part_of_a_type(kind: pa.DataType, plain: pa.DataType) -> None:
    assert plain_type(kind) == plain


CASES = [
    (I32, I64, I64, [1, None, 2]),
    (pa.null(), pa.list_(I64), pa.list_(I64), [None, None, [1]]),
    (S, S, S, ["1", None, "2"]),
    (I64, S, S, ["1", None, "2"]),
    (pa.bool_(), I64, S, ["true", None, "2"]),
    (pa.struct([("a", I32)]), pa.struct([("a", I64), ("b", S)]), pa.struct([("a", I64), ("b", S)]), None),
    (pa.struct([("a", I32)]), I64, S, ['{"a": 1}', None, "2"]),
    (pa.binary(), pa.list_(I64), S, None),
    (pa.timestamp("us"), pa.timestamp("us", "UTC"), S, None),
    (pa.json_(), S, S, None),
]
VALUES = {pa.null(): [None, None], S: ["1", None], pa.bool_(): [True, None], I64: [1, None], I32: [1, None]}
LATER = {S: ["2"], I64: [2], pa.list_(I64): [[1]]}


@pytest.mark.parametrize(("one", "other", "common", "values"), CASES)
def test_a_column_of_two_types_has_one_that_holds_both(
    one: pa.DataType, other: pa.DataType, common: pa.DataType, values: list[object] | None
) -> None:
    schemas = [pa.schema([("x", one)]), pa.schema([("x", other)])]
    assert [unified(*pair).field("x").type for pair in (schemas, schemas[::-1])] == [common, common]
    if values is not None:
        first = VALUES.get(one, [{"a": 1}, None])
        found = [
            converted(pa.chunked_array([pa.array(each, kind)]), common).to_pylist()
            for each, kind in ((first, one), (LATER[other], other))
        ]
        assert [*found[0], *found[1]] == values


def test_columns_are_in_the_order_in_which_they_appear() -> None:
    first, second = pa.schema([("b", S), ("a", S)]), pa.schema([("c", S), ("a", S)])
    assert unified(first, second).names == ["b", "a", "c"]


def test_no_value_is_an_error() -> None:
    large = pa.chunked_array([pa.array([2**53 + 1])])
    assert converted(large, pa.float64()).to_pylist() == [float(2**53)]
    odd = pa.chunked_array([pa.array([b"\xff", b"a"])])
    assert converted(odd, S).to_pylist() == ["\ufffd", "a"]
    late = pa.chunked_array([pa.array([[10**15]], pa.list_(pa.timestamp("s")))])
    assert converted(late, S).to_pylist() == [None]
