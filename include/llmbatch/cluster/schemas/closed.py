"""Objects of a JSON schema hold the properties that it names, and no others unless it allows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
"""Keywords whose value has a schema under each key."""

_SCHEMAS = ("items", "prefixItems", "allOf", "anyOf", "oneOf", "additionalProperties", "unevaluatedProperties")
"""Keywords whose value is a schema or a list of schemas."""

_OPEN = ("additionalProperties", "unevaluatedProperties", "patternProperties")
_PARTS = ("anyOf", "oneOf", "$ref")


def closed_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with ``additionalProperties: false`` in each object that names properties and does not set it.

    ``{"properties": {"a": {}}}`` allows any further property by the rules of JSON Schema, and a model that may go on
    inventing them seldom ends. A schema that composes objects of several parts (``allOf``, or ``properties`` beside
    ``anyOf``, ``oneOf`` or ``$ref``) is returned as it is: a part that is closed would forbid the properties of the
    others. Does not change its argument, which may be nested as deep as ``MAX_SCHEMA_DEPTH``.
    """
    return schema if any(_composes(each) for each in _subschemas(schema)) else _closed(schema)


def _composes(schema: dict[str, Any]) -> bool:
    return "allOf" in schema or ("properties" in schema and any(key in schema for key in _PARTS))


def _subschemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for key, value in schema.items():
        for inner in _inner(key, value):
            yield from _subschemas(inner)


def _inner(key: str, value: object) -> list[dict[str, Any]]:
    """Return the schemas directly under a keyword."""
    if key in _MAPS and isinstance(value, dict):
        found: list[object] = list(value.values())
    elif key in _SCHEMAS:
        found = value if isinstance(value, list) else [value]
    else:
        found = []
    return [each for each in found if isinstance(each, dict)]


def _closed(schema: object) -> Any:
    if not isinstance(schema, dict):
        return schema
    done: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _MAPS and isinstance(value, dict):
            done[key] = {name: _closed(each) for name, each in value.items()}
        elif key in _SCHEMAS:
            done[key] = [_closed(each) for each in value] if isinstance(value, list) else _closed(value)
        else:
            done[key] = value
    if isinstance(done.get("properties"), dict) and not any(key in done for key in _OPEN):
        done["additionalProperties"] = False
    return done
