"""Constraints are as large as is useful at most, and objects of their JSON schemas are closed."""

from __future__ import annotations

import json
from dataclasses import replace

from pydantic import JsonValue

from llmbatch.cluster.schemas.closed import closed_schema
from llmbatch.cluster.schemas.constraint import Constraint
from llmbatch.core.json_schema import schema_excess


def bounded(constraint: Constraint) -> tuple[Constraint, str | None]:
    """Return the constraint with its JSON schemas closed (see ``closed_schema``), and what is wrong with its size.

    What is not JSON is left to the compiler, which has the words for it.
    """
    if constraint.kind not in ("json", "structural_tag"):
        return constraint, schema_excess(constraint.spec)
    try:
        spec: JsonValue = json.loads(constraint.spec)
    except RecursionError:
        return constraint, "its objects and arrays are nested too deep"
    except ValueError:
        return constraint, schema_excess(constraint.spec)
    excess = schema_excess(spec)
    if excess is not None or not isinstance(spec, dict):
        return constraint, excess
    closed = closed_schema(spec) if constraint.kind == "json" else _closed_tags(spec)
    return replace(constraint, spec=json.dumps(closed)), None


def _closed_tags(tag: dict[str, JsonValue]) -> dict[str, JsonValue]:
    structures = tag.get("structures")
    if not isinstance(structures, list):
        return tag
    return {**tag, "structures": [_closed_tag(each) for each in structures]}


def _closed_tag(structure: JsonValue) -> JsonValue:
    schema = structure.get("schema") if isinstance(structure, dict) else None
    if not isinstance(structure, dict) or not isinstance(schema, dict):
        return structure
    return {**structure, "schema": closed_schema(schema)}
