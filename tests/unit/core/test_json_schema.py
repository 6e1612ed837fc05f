"""The limits of a schema are those that its message names, and no depth breaks the check itself."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from llmbatch.core.json_schema import MAX_SCHEMA_BYTES, MAX_SCHEMA_DEPTH, MAX_SCHEMA_VALUES, schema_excess


def nested(levels: int) -> JsonValue:
    schema: JsonValue = True
    for _ in range(levels):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "excess"),
    [
        ({}, None),
        ({"type": "object", "properties": {"a": {"enum": [1, None, "x"]}}}, None),
        (nested(MAX_SCHEMA_DEPTH), None),
        (nested(MAX_SCHEMA_DEPTH + 1), "nested more than 64 levels"),
        (nested(100_000), "nested more than 64 levels"),
        ({"enum": list(range(MAX_SCHEMA_VALUES - 2))}, None),
        ({"enum": list(range(MAX_SCHEMA_VALUES - 1))}, "more than 20000 values"),
        ({"a": "x" * (MAX_SCHEMA_BYTES - 8)}, None),
        ({"a": "x" * (MAX_SCHEMA_BYTES - 7)}, "262145 bytes, more than 262144"),
        ({"a": "\ud800"}, None),
    ],
)
def test_limits(schema: JsonValue, excess: str | None) -> None:
    found = schema_excess(schema)
    assert (found is None) == (excess is None), found
    assert excess is None or excess in (found or "")
