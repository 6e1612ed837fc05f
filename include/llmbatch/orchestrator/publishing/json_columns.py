"""Columns and rows of a table as JSON."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

import pyarrow as pa

from llmbatch.orchestrator.inputs.readers.parquet_values import Unreadable, json_values
from llmbatch.orchestrator.publishing.openai_lines import to_json


def json_column(column: pa.ChunkedArray, name: str) -> list[object]:
    """Return the values of one of the input's own columns: dates, decimals and the like as text.

    A value for which JSON has no form (NaN, bytes that are not UTF-8) is null.
    """
    if isinstance(column.type, pa.JsonType):
        return [None if text is None else json.loads(text) for text in column.to_pylist()]
    values = [value for chunk in column.chunks for value in json_values(_plain(chunk), name)]
    return [None if isinstance(value, Unreadable) else value for value in values]


def _plain(chunk: pa.Array) -> pa.Array:
    return chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk


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
