"""Tables that are consumed by row id."""

from __future__ import annotations

import pyarrow as pa

from llmbatch.orchestrator.jobs.row_stream import RowStream


def tables(*groups: str) -> list[pa.Table]:
    return [pa.table({"row_id": pa.array(list(group), pa.string())}) for group in groups]


def ids(found: object) -> list[str]:
    return ["".join(table["row_id"].to_pylist()) for table in found]


def test_rows_are_taken_in_order_each_once() -> None:
    stream = RowStream(tables("abc", "", "de", "fg"))
    assert ids(stream.up_to("a")) == ["a"]
    assert ids(stream.up_to("a")) == []
    assert ids(stream.up_to("d")) == ["bc", "d"]
    assert ids(stream.rest()) == ["e", "fg"]


def test_no_table_is_read_before_it_is_needed() -> None:
    pulled: list[str] = []

    def source() -> object:
        for table in tables("ab", "cd", "ef"):
            pulled.append(table["row_id"][0].as_py())
            yield table

    stream = RowStream(source())
    assert ids(stream.up_to("a")) == ["a"]
    assert pulled == ["a"]
    assert ids(stream.up_to("z")) == ["b", "cd", "ef"]
