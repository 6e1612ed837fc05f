"""Columns and rows of a table as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping

import pyarrow as pa

from llmbatch.orchestrator.inputs.readers.parquet_values import Unreadable, json_values
from llmbatch.orchestrator.publishing.openai_lines import to_json


def json_column(column: pa.ChunkedArray, name: str) -> list[object]:
    """Return the values of one of the input's own columns: dates, decimals and the like as text.

    What JSON has no form for is null: a number that is not finite, and bytes that are not UTF-8.
    """
    if isinstance(column.type, pa.JsonType):
        return json_texts(column)
    values = [value for chunk in column.chunks for value in json_values(_storage(chunk), name)]
    return [_finite(value) for value in values]


def json_texts(column: pa.ChunkedArray) -> list[object]:
    """Return the values of a column of JSON texts; one that is not JSON stays text."""
    return [_parsed(text) for text in column.to_pylist()]


def _parsed(text: str | None) -> object:
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return text


def _storage(chunk: pa.Array) -> pa.Array:
    return chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, Unreadable) else value


def json_line(row: Mapping[str, object], doubtful: Collection[str]) -> str:
    """Return the row as JSON text; without those columns whose values come from outside if JSON cannot hold them.

    Half of a surrogate pair, which no UTF-8 holds, is escaped as JSON can.
    """
    try:
        text = to_json(row)
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(row, separators=(",", ":"))
    except (ValueError, RecursionError):
        return to_json({name: None if name in doubtful else value for name, value in row.items()})
    return text
