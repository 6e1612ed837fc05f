"""Local output files: written shard by shard, delivered after all rows are reconciled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import OutputFormat
from llmbatch.orchestrator.publishing.openai_lines import OpenaiLines
from llmbatch.orchestrator.publishing.parts import PartedFile, numbered
from llmbatch.orchestrator.publishing.table_columns import TableColumns

LinesOf = Callable[[pa.Table], Iterable[str]]
"""Makes the JSON text of each row."""

NAMES = {
    OutputFormat.OPENAI_BATCH: ("output.jsonl", "errors.jsonl"),
    OutputFormat.PARQUET: ("results.parquet", "failed.parquet"),
    OutputFormat.JSONL: ("results.jsonl", "failed.jsonl"),
}
"""The delivered files of each format: the succeeded rows, and all other rows."""

MANIFEST_COPY = "manifest.json"

_GROUP_ROWS = 8192
_GROUP_BYTES = 16 * 2**20

_LINE_BREAKS = {"\u0085": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""Characters that many readers, ``str.splitlines`` among them, take for the end of a line, and their escapes."""


class ParquetFile:
    """Parquet with row groups of at most about 8192 rows or 16 MiB, independent of the shard size."""

    def __init__(self, path: Path, columns: TableColumns) -> None:
        self._columns = columns
        self._file = pa.OSFile(str(path), "wb")
        self._writer = pq.ParquetWriter(self._file, columns.schema, compression="zstd")
        self._waiting: list[pa.Table] = []

    @property
    def size(self) -> int:
        """Bytes of the row groups written so far."""
        return int(self._file.tell())

    def append(self, table: pa.Table) -> None:
        """Add the rows; write a row group when it is full."""
        self._waiting.append(self._columns.table(table))
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
    """One JSON object per row, made by ``lines_of``."""

    def __init__(self, path: Path, lines_of: LinesOf) -> None:
        self._lines_of = lines_of
        self._file = path.open("wb")

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._file.tell()

    def append(self, table: pa.Table) -> None:
        """Add the rows."""
        self._file.writelines(_line(text) for text in self._lines_of(table))

    def close(self) -> None:
        """Flush and close."""
        self._file.close()


def _line(text: str) -> bytes:
    for character, escape in _LINE_BREAKS.items():
        text = text.replace(character, escape)
    return text.encode() + b"\n"


def open_outputs(spec: JobSpec, folder: Path, kept: pa.Schema) -> tuple[PartedFile, PartedFile]:
    """Return the file for succeeded rows and the file for all other rows, in the job's output format.

    Args:
        spec: the job.
        folder: local folder for the files.
        kept: the input's own columns that the rows have, see ``kept_columns``.
    """
    good, bad = NAMES[spec.output_format]
    if spec.output_format is OutputFormat.OPENAI_BATCH:
        lines = OpenaiLines(spec)
        return _json_lines(folder, good, _each(lines.output)), _json_lines(folder, bad, _each(lines.error))
    columns, rest = TableColumns.of(spec, kept, is_failed=False), TableColumns.of(spec, kept, is_failed=True)
    if spec.output_format is OutputFormat.PARQUET:
        return _parquet(folder, good, columns), _parquet(folder, bad, rest)
    return _json_lines(folder, good, columns.json_lines), _json_lines(folder, bad, rest.json_lines)


def _parquet(folder: Path, name: str, columns: TableColumns) -> PartedFile:
    return PartedFile(folder, name, lambda path: ParquetFile(path, columns))


def _json_lines(folder: Path, name: str, lines_of: LinesOf) -> PartedFile:
    return PartedFile(folder, name, lambda path: JsonLinesFile(path, lines_of))


def _each(line_of: Callable[[Mapping[str, Any]], str]) -> LinesOf:
    return lambda table: map(line_of, table.to_pylist())


def output_uri(spec: JobSpec, name: str) -> str:
    """Return the address of a delivered file."""
    return f"{spec.output_uri.rstrip('/')}/{name}"


def delivered_uris(spec: JobSpec) -> tuple[str, ...]:
    """Return the address of every object that the job may write into its output folder; of parts, the first two."""
    whole = NAMES[spec.output_format]
    parts = (numbered(name, number) for name in whole for number in (0, 1))
    return tuple(output_uri(spec, name) for name in (*whole, *parts, MANIFEST_COPY))
