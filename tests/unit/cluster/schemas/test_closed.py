"""Which objects are closed: those that name properties, unless the schema opens them or composes them of parts."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from llmbatch.cluster.schemas.closed import closed_schema

A: dict[str, Any] = {"properties": {"a": {"type": "integer"}}}
CLOSED = {**A, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "closed"),
    [
        (A, CLOSED),
        ({**A, "additionalProperties": True}, None),
        ({**A, "additionalProperties": A}, {**A, "additionalProperties": CLOSED}),
        ({**A, "unevaluatedProperties": False}, None),
        ({**A, "patternProperties": {"^x": {}}}, None),
        ({"type": "object"}, None),
        ({"items": A}, {"items": CLOSED}),
        ({"prefixItems": [A, True]}, {"prefixItems": [CLOSED, True]}),
        ({"anyOf": [A, {"type": "null"}]}, {"anyOf": [CLOSED, {"type": "null"}]}),
        ({"$defs": {"A": A}, "$ref": "#/$defs/A"}, {"$defs": {"A": CLOSED}, "$ref": "#/$defs/A"}),
        ({"properties": {"properties": A}}, {"properties": {"properties": CLOSED}, "additionalProperties": False}),
        # values, not schemas
        ({"const": A}, None),
        ({"enum": [A], "default": A, "examples": [A]}, None),
        # parts of one object
        ({"allOf": [A, {"properties": {"b": {}}}]}, None),
        ({"items": {"allOf": [A]}}, None),
        ({**A, "anyOf": [{"properties": {"b": {}}}, {"properties": {"c": {}}}]}, None),
        ({"$defs": {"B": {"properties": {"b": {}}}}, **A, "$ref": "#/$defs/B"}, None),
        # not a schema, which the compiler refuses
        ({"properties": [A]}, None),
        ({"items": 7}, None),
    ],
)
def test_objects_that_name_their_properties_are_closed(schema: dict[str, Any], closed: dict[str, Any] | None) -> None:
    before = deepcopy(schema)
    assert closed_schema(schema) == (before if closed is None else closed)
    assert schema == before


def test_the_order_of_properties_is_kept() -> None:
    names = ["z", "a", "m"]
    assert list(closed_schema({"properties": dict.fromkeys(names, True)})["properties"]) == names
