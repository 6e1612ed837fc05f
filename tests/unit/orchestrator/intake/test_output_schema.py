"""What of a job's schema can be refused without a grammar compiler, and in which words."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from llmbatch.core.errors import RequestError
from llmbatch.orchestrator.intake.output_schema import require_schema

PROPERTY = {"type": "object", "properties": {"a": {"type": "strin"}}}
DRAFT7 = "http://json-schema.org/draft-07/schema#"


def deep(levels: int) -> dict[str, JsonValue]:
    schema: dict[str, JsonValue] = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (PROPERTY, "is not a JSON schema at $.properties.a.type: 'strin' is not valid"),
        ({"type": "strin"}, "at $.type"),
        ({"required": "a"}, "at $.required: 'a' is not of type 'array'"),
        ({"minLength": -1}, "at $.minLength"),
        ({"properties": []}, "at $.properties"),
        ({"$schema": DRAFT7, "definitions": {"a": 1}}, "at $.definitions.a"),
        (deep(65), "nested more than 64 levels"),
        ({"enum": ["x" * 300_000]}, "more than 262144"),
    ],
)
def test_a_schema_that_is_none_is_refused_at_its_place(schema: dict[str, JsonValue], problem: str) -> None:
    with pytest.raises(RequestError) as caught:
        require_schema(schema)
    assert caught.value.field == "output_schema"
    assert problem in caught.value.problem
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"type": "string", "pattern": r"^\p{L}+$"},  # not a regular expression of Python
        {"type": "string", "pattern": "("},  # for the Ray job to refuse, which has the engine's compiler
        {"type": "string", "format": "color", "x-order": 1},
        {"$schema": "https://example.com/unknown", "type": "object"},
        {"$ref": "https://example.com/remote"},
        deep(60),
    ],
)
def test_all_that_may_be_a_schema_passes(schema: dict[str, JsonValue]) -> None:
    require_schema(schema)
