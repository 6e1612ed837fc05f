"""JSON text that is equal for equal values, and values without keys that say nothing."""

from __future__ import annotations

import json

from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.json_values import as_json

canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
"""Serialise so that equal values give equal bytes."""

_VERBATIM = frozenset({"chat_template_kwargs", "json", "parameters", "schema"})
"""Keys whose objects are kept as they are: JSON schemas, and what only the template of a model understands."""


def without_nulls(value: object) -> object:
    """Return a value whose objects have no key with a null: "not given", as SDKs and Parquet structs write it."""
    if isinstance(value, dict):
        return {
            key: item if key in _VERBATIM else without_nulls(item) for key, item in value.items() if item is not None
        }
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def serialised(value: object, name: str) -> str:
    """Return the JSON text of a part of a row.

    Args:
        value: as a reader gives it.
        name: the column or key, for errors.

    Raises:
        RowError: it is nested too deeply, or holds a value that JSON has no form for.
    """
    try:
        return canonical(value)
    except RecursionError:
        raise RowError(ErrorClass.INVALID, f"`{name}` is nested too deeply. Flatten it") from None
    except (TypeError, ValueError):
        as_json(value, name)  # names the key
        problem = f"`{name}` holds a value that JSON cannot carry. Write it as text"
        raise RowError(ErrorClass.INVALID, problem) from None
