"""Values of Arrow columns, and rows, as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from llmbatch.orchestrator.publishing.json_columns import json_column, json_line


@pytest.mark.parametrize(
    ("array", "values"),
    [
        (pa.array([1, None]), [1, None]),
        (pa.array([Decimal("1.20")]), ["1.20"]),
        (pa.array([datetime(2030, 1, 2, tzinfo=UTC)], pa.timestamp("ns", "UTC")), ["2030-01-02T00:00:00+00:00"]),
        (pa.array([{"a": [1.5]}]), [{"a": [1.5]}]),
        (pa.array([float("nan"), 1.0]), [None, 1.0]),
        (pa.array([[float("inf"), 1.0], None]), [[None, 1.0], None]),
        (pa.array([b"\xff", b"text"]), [None, "text"]),
        (pa.array(['{"a":1}', None, '"x"'], pa.json_()), [{"a": 1}, None, "x"]),
    ],
    ids=["int", "decimal", "time", "nested", "nan", "inf in a list", "bytes", "json"],
)
def test_the_values_of_a_column(array: pa.Array, values: list[object]) -> None:
    assert json_column(pa.chunked_array([array]), "x") == values


def test_a_row_is_one_json_object() -> None:
    assert json_line({"a": "ä", "b": None}, ()) == '{"a":"ä","b":null}'


def test_a_value_that_json_cannot_hold_costs_only_the_columns_of_the_answer() -> None:
    assert json_line({"id": "x", "scores": [float("inf")]}, {"scores"}) == '{"id":"x","scores":null}'
    line = json_line({"text": "half \ud800 ä"}, {"text"})
    assert (line.isascii(), json.loads(line)) == (True, {"text": "half \ud800 ä"})
