"""Parquet columns as values of JSON, and as ids."""

from __future__ import annotations

import pyarrow as pa

from llmbatch.orchestrator.inputs.readers.parquet_values import Unreadable, column_values, id_values, json_values


def test_times_in_any_depth_become_text() -> None:
    stamp = pa.array([1_704_164_645_000_000_123], pa.timestamp("ns"))
    nested = pa.ListArray.from_arrays([0, 1], pa.StructArray.from_arrays([stamp], ["at"]))
    large = nested.cast(pa.large_list(nested.type.value_type))
    for column in (nested, large):
        assert json_values(column, "c") == [[{"at": "2024-01-02T03:04:05"}]]


def test_a_value_that_cannot_be_read_is_in_its_place() -> None:
    first, second = json_values(pa.array([10**14, 0], pa.timestamp("s")), "c")
    assert isinstance(first, Unreadable)
    assert first.error.message.startswith("column `c` holds a value that cannot be read")
    assert second == "1970-01-01T00:00:00"
    (zone,) = json_values(pa.array([0], pa.timestamp("s", "Nowhere/Never")), "c")
    assert isinstance(zone, Unreadable)


def test_ids_keep_their_bytes_and_nanoseconds() -> None:
    assert id_values(pa.array([b"\xff"], pa.binary()), "c") == [b"\xff"]
    assert id_values(pa.array([1], pa.timestamp("ns")), "c") == ["1970-01-01 00:00:00.000000001"]
    assert id_values(pa.array(["a", "a"]).dictionary_encode(), "c") == ["a", "a"]


def test_ids_that_cannot_be_read_are_in_their_place() -> None:
    far, near = id_values(pa.array([2**62, 1], pa.timestamp("us")), "c")
    assert isinstance(far, Unreadable)
    assert near == "1970-01-01 00:00:00.000001"
    (zone,) = id_values(pa.array([0], pa.timestamp("s", "Nowhere/Never")), "c")
    assert isinstance(zone, Unreadable)


def test_bytes_that_are_not_utf8_are_kept() -> None:
    texts = pa.array([b"\xff", b"a"], pa.binary())
    for column in (texts, pa.Array.from_buffers(pa.string(), 2, texts.buffers())):
        first, second = json_values(column, "c")
        assert isinstance(first, Unreadable)
        assert (first.raw, second) == (b"\xff", "a")


def test_a_column_has_the_type_of_its_field_and_one_value_a_limit() -> None:
    field = pa.field("c", pa.list_(pa.string()))
    column = pa.ListArray.from_arrays([0, 2], pa.array(["a", "a"]).dictionary_encode())
    assert column_values(column, field, 10_000, json_values) == [["a", "a"]]
    (large,) = column_values(column, field, 10, json_values)
    assert isinstance(large, Unreadable)
