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

NAMES = {
    OutputFormat.OPENAI_BATCH: ("output.jsonl", "errors.jsonl"),
    OutputFormat.PARQUET: ("results.parquet", "failed.parquet"),
    OutputFormat.JSONL: ("results.jsonl", "failed.jsonl"),
}
"""The delivered files of each format: the succeeded rows, and all other rows."""

MANIFEST_COPY = "manifest.json"

_GROUP_ROWS = 8192
_GROUP_BYTES = 16 * 2**20

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


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
        self._file.writelines(_encode(self._line_of(row)) + "\n" for row in table.to_pylist())

    def close(self) -> None:
        """Flush and close."""
        self._file.close()


def open_outputs(spec: JobSpec, folder: Path) -> tuple[OutputFile, OutputFile]:
    """Return the file for succeeded rows and the file for all other rows, in the job's output format."""
    results, failed = NAMES[spec.output_format]
    if spec.output_format is OutputFormat.OPENAI_BATCH:
        lines = OpenaiLines(spec)
        return JsonLinesFile(folder, results, lines.output), JsonLinesFile(folder, failed, lines.error)
    if spec.output_format is OutputFormat.PARQUET:
        return ParquetFile(folder, results, USER_COLUMNS), ParquetFile(folder, failed, FAILED_COLUMNS)
    return (
        JsonLinesFile(folder, results, _picker(USER_COLUMNS)),
        JsonLinesFile(folder, failed, _picker(FAILED_COLUMNS)),
    )


def output_uri(spec: JobSpec, name: str) -> str:
    """Return the address of a delivered file."""
    return f"{spec.output_uri.rstrip('/')}/{name}"


def delivered_uris(spec: JobSpec) -> tuple[str, ...]:
    """Return the address of every object that the job may write into its output folder."""
    return tuple(output_uri(spec, name) for name in (*NAMES[spec.output_format], MANIFEST_COPY))


def _picker(columns: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Mapping[str, object]]:
    return lambda row: {name: row[name] for name in columns}


def user_schema(columns: tuple[str, ...]) -> pa.Schema:
    """Return the schema of those columns, without metadata."""
    return pa.schema([RESULT_SCHEMA.field(name) for name in columns])
