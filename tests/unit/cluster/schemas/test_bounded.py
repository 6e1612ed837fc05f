"""Constraints within bounds, with closed schemas."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmbatch.cluster.schemas.bounded import bounded
from llmbatch.cluster.schemas.constraint import Constraint

OPEN: dict[str, Any] = {"type": "object", "properties": {"a": {}}}
CLOSED = {**OPEN, "additionalProperties": False}


def tag(**fields: Any) -> Constraint:
    return Constraint("structural_tag", json.dumps(fields))


def test_schemas_are_closed_wherever_they_are() -> None:
    assert bounded(Constraint.of_schema(OPEN)) == (Constraint.of_schema(CLOSED), None)
    made = tag(structures=[{"begin": "<", "schema": OPEN}], triggers=[])
    assert bounded(made) == (tag(structures=[{"begin": "<", "schema": CLOSED}], triggers=[]), None)


@pytest.mark.parametrize(
    "constraint",
    [
        Constraint("regex", '{"properties": {"a": {}}}'),
        Constraint("json_object", ""),
        Constraint("json", "{"),
        Constraint("json", "true"),
        tag(structures=None),
        tag(structures=["x", {"schema": True}]),
        tag(format={}),
    ],
)
def test_what_holds_no_schema_is_left_to_the_compiler(constraint: Constraint) -> None:
    assert bounded(constraint) == (constraint, None)


@pytest.mark.parametrize(
    ("constraint", "reason"),
    [
        (Constraint.of_schema({"enum": ["x" * 300_000]}), "more than 262144"),
        (Constraint("regex", "x" * 300_000), "more than 262144"),
        (Constraint("json", "[" * 300_000), "nested too deep"),
        (Constraint("choice", json.dumps(["x"] * 70_000)), "more than 262144"),
        (tag(structures=[{"schema": {"enum": ["x" * 300_000]}}]), "more than 262144"),
    ],
)
def test_what_is_too_large_has_a_reason(constraint: Constraint, reason: str) -> None:
    found, excess = bounded(constraint)
    assert found == constraint
    assert excess is not None
    assert reason in excess
