"""How large a JSON schema may be: compiling a grammar from it costs memory and time that grow with it."""

from __future__ import annotations

import json

from pydantic import JsonValue

MAX_SCHEMA_BYTES = 262_144
"""Bytes of a schema as compact JSON."""

MAX_SCHEMA_DEPTH = 64
"""Levels of objects and arrays inside each other; vLLM has the same bound."""

MAX_SCHEMA_VALUES = 20_000
"""Objects, arrays and plain values of a schema."""


def schema_excess(schema: JsonValue) -> str | None:
    """Return which limit a schema exceeds, with the limit; None if it keeps all of them. Does not recurse."""
    level, depth, values = [schema], 0, 0
    while level:
        values += len(level)
        if values > MAX_SCHEMA_VALUES:
            return f"it has more than {MAX_SCHEMA_VALUES} values"
        nested = [each for each in level if isinstance(each, dict | list)]
        depth += bool(nested)
        if depth > MAX_SCHEMA_DEPTH:
            return f"its objects and arrays are nested more than {MAX_SCHEMA_DEPTH} levels deep"
        level = [child for each in nested for child in (each.values() if isinstance(each, dict) else each)]
    size = len(json.dumps(schema, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
    return f"it has {size} bytes, more than {MAX_SCHEMA_BYTES}" if size > MAX_SCHEMA_BYTES else None
