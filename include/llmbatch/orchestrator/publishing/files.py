"""Local output files: written shard by shard, delivered after all rows are reconciled."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import OutputFormat
from llmbatch.orchestrator.jobs.result_shards import RESULT_SCHEMA
from llmbatch.orchestrator.publishing.openai_lines import OpenaiLines

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

_GROUP_ROWS = 8192
_GROUP_BYTES = 16 * 2**20

_to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_LINE_BREAKS = {"\u0085": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""Characters that many readers, ``str.splitlines`` among them, take for the end of a line, and their escapes."""


class OutputFile(Protocol):
    """A local file of rows of the result schema."""

    name: str
    path: Path
    rows: int

    def append(self, table: pa.Table) -> None:
        """Add the rows."""

    def close(self) -> None:
        """Finish the file."""


class ParquetFile:
    """Parquet with row groups of at most about 8192 rows or 16 MiB, independent of the shard size."""

    def __init__(self, folder: Path, name: str, columns: tuple[str, ...]) -> None:
        self.name, self.path, self.rows = name, folder / name, 0
        self._columns = list(columns)
        self._writer = pq.ParquetWriter(self.path, user_schema(columns), compression="zstd")
        self._waiting: list[pa.Table] = []

    def append(self, table: pa.Table) -> None:
        """Add the rows; write a row group when it is full."""
        self.rows += table.num_rows
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

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks())
            self._waiting = []


class JsonLinesFile:
    """One JSON object per row, built by ``line_of``."""

    def __init__(self, folder: Path, name: str, line_of: Callable[[Mapping[str, Any]], Mapping[str, object]]) -> None:
        self.name, self.path, self.rows = name, folder / name, 0
        self._line_of = line_of
        self._file = self.path.open("w", encoding="utf-8", newline="\n")

    def append(self, table: pa.Table) -> None:
        """Add the rows."""
        self.rows += table.num_rows
        self._file.writelines(_line(self._line_of(row)) for row in table.to_pylist())

    def close(self) -> None:
        """Flush and close."""
        self._file.close()


def _line(row: Mapping[str, object]) -> str:
    text = _to_json(row)
    for character, escape in _LINE_BREAKS.items():
        text = text.replace(character, escape)
    return text + "\n"


def open_outputs(spec: JobSpec, folder: Path) -> tuple[OutputFile, OutputFile]:
    """Return the file for succeeded rows and the file for all other rows, in the job's output format."""
    if spec.output_format is OutputFormat.OPENAI_BATCH:
        lines = OpenaiLines(spec)
        return JsonLinesFile(folder, "output.jsonl", lines.output), JsonLinesFile(folder, "errors.jsonl", lines.error)
    if spec.output_format is OutputFormat.PARQUET:
        return (
            ParquetFile(folder, "results.parquet", USER_COLUMNS),
            ParquetFile(folder, "failed.parquet", FAILED_COLUMNS),
        )
    return (
        JsonLinesFile(folder, "results.jsonl", _picker(USER_COLUMNS)),
        JsonLinesFile(folder, "failed.jsonl", _picker(FAILED_COLUMNS)),
    )


def output_uri(spec: JobSpec, name: str) -> str:
    """Return the address of a delivered file."""
    return f"{spec.output_uri.rstrip('/')}/{name}"


def _picker(columns: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Mapping[str, object]]:
    return lambda row: {name: row[name] for name in columns}


def user_schema(columns: tuple[str, ...]) -> pa.Schema:
    """Return the schema of those columns, without metadata."""
    return pa.schema([RESULT_SCHEMA.field(name) for name in columns])
