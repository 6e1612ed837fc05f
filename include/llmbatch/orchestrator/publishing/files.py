"""Local output files: written shard by shard, delivered after all rows are reconciled."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import OutputFormat
from llmbatch.orchestrator.jobs.result_shards import RESULT_SCHEMA
from llmbatch.orchestrator.publishing.openai_lines import OpenaiLines
from llmbatch.orchestrator.publishing.parts import PartedFile, numbered

LineOf = Callable[[Mapping[str, Any]], Mapping[str, object]]
"""Makes the JSON object of a row."""

USER_COLUMNS = (
    "custom_id",
    "row_id",
    "line",
    "state",
    "text",
    "finish_reason",
    "prompt_tokens",
    "completion_tokens",
    "error_class",
    "error",
)
FAILED_COLUMNS = (*USER_COLUMNS, "request")
"""The delivered columns of a result row, in one order for every format; the committed shard has more columns."""

NAMES = {
    OutputFormat.OPENAI_BATCH: ("output.jsonl", "errors.jsonl"),
    OutputFormat.PARQUET: ("results.parquet", "failed.parquet"),
    OutputFormat.JSONL: ("results.jsonl", "failed.jsonl"),
}
"""The delivered files of each format: the succeeded rows, and all other rows."""

MANIFEST_COPY = "manifest.json"

_GROUP_ROWS = 8192
_GROUP_BYTES = 16 * 2**20

_to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_LINE_BREAKS = {"\u0085": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""Characters that many readers, ``str.splitlines`` among them, take for the end of a line, and their escapes."""


class ParquetFile:
    """Parquet with row groups of at most about 8192 rows or 16 MiB, independent of the shard size."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self._columns = list(columns)
        self._file = pa.OSFile(str(path), "wb")
        self._writer = pq.ParquetWriter(self._file, user_schema(columns), compression="zstd")
        self._waiting: list[pa.Table] = []

    @property
    def size(self) -> int:
        """Bytes of the row groups written so far."""
        return int(self._file.tell())

    def append(self, table: pa.Table) -> None:
        """Add the rows; write a row group when it is full."""
        self._waiting.append(table.select(self._columns).replace_schema_metadata(None))
        if (
            sum(part.num_rows for part in self._waiting) >= _GROUP_ROWS
            or sum(part.nbytes for part in self._waiting) >= _GROUP_BYTES
        ):
            self._flush()

    def close(self) -> None:
        """Write the last group and the footer."""
        self._flush()
        self._writer.close()
        self._file.close()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks())
            self._waiting = []


class JsonLinesFile:
    """One JSON object per row, built by ``line_of``."""

    def __init__(self, path: Path, line_of: LineOf) -> None:
        self._line_of = line_of
        self._file = path.open("wb")

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._file.tell()

    def append(self, table: pa.Table) -> None:
        """Add the rows."""
        self._file.writelines(_line(self._line_of(row)) for row in table.to_pylist())

    def close(self) -> None:
        """Flush and close."""
        self._file.close()


def _line(row: Mapping[str, object]) -> bytes:
    text = _to_json(row)
    for character, escape in _LINE_BREAKS.items():
        text = text.replace(character, escape)
    return text.encode() + b"\n"


def open_outputs(spec: JobSpec, folder: Path) -> tuple[PartedFile, PartedFile]:
    """Return the file for succeeded rows and the file for all other rows, in the job's output format."""
    (good, bad), lines = NAMES[spec.output_format], OpenaiLines(spec)
    if spec.output_format is OutputFormat.PARQUET:
        return _parquet(folder, good, USER_COLUMNS), _parquet(folder, bad, FAILED_COLUMNS)
    if spec.output_format is OutputFormat.OPENAI_BATCH:
        return _json_lines(folder, good, lines.output), _json_lines(folder, bad, lines.error)
    return _json_lines(folder, good, _picker(USER_COLUMNS)), _json_lines(folder, bad, _picker(FAILED_COLUMNS))


def _parquet(folder: Path, name: str, columns: tuple[str, ...]) -> PartedFile:
    return PartedFile(folder, name, lambda path: ParquetFile(path, columns))


def _json_lines(folder: Path, name: str, line_of: LineOf) -> PartedFile:
    return PartedFile(folder, name, lambda path: JsonLinesFile(path, line_of))


def output_uri(spec: JobSpec, name: str) -> str:
    """Return the address of a delivered file."""
    return f"{spec.output_uri.rstrip('/')}/{name}"


def delivered_uris(spec: JobSpec) -> tuple[str, ...]:
    """Return the address of every object that the job may write into its output folder; of parts, the first two."""
    whole = NAMES[spec.output_format]
    parts = (numbered(name, number) for name in whole for number in (0, 1))
    return tuple(output_uri(spec, name) for name in (*whole, *parts, MANIFEST_COPY))


def _picker(columns: tuple[str, ...]) -> LineOf:
    return lambda row: {name: row[name] for name in columns}


def user_schema(columns: tuple[str, ...]) -> pa.Schema:
    """Return the schema of those columns, without metadata."""
    return pa.schema([RESULT_SCHEMA.field(name) for name in columns])
