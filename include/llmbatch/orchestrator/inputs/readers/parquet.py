"""Parquet, batch by batch over ranged reads; only the needed columns are fetched."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from llmbatch.core.rows import StagedRow
from llmbatch.orchestrator.inputs.prompt import PARAMETER_COLUMNS
from llmbatch.orchestrator.inputs.readers.decoded_size import bounded
from llmbatch.orchestrator.inputs.readers.page_guard import PageGuard
from llmbatch.orchestrator.inputs.readers.parquet_values import Unreadable, column_values, id_values, json_values
from llmbatch.orchestrator.inputs.readers.range_file import RangeFile
from llmbatch.orchestrator.inputs.readers.source import Source, shown_columns

PARQUET_MAGIC = b"PAR1"
FOOTER_BYTES = 32 * 2**20
"""Longest footer that is read; in memory it takes many times as much."""

_AGAIN = "Write the file again, upload it and start a new job."
_PIECE_BYTES = 8 * 2**20
_BUFFER_BYTES = 64 * 1024
"""How far Arrow reads ahead: little, because ``PageGuard`` counts a page when it is read."""


def read_parquet(source: Source) -> Iterator[StagedRow]:
    """Yield one row per table row, numbered from 1.

    Raises:
        RequestError: the object is not Parquet, lacks the prompt's columns, is damaged, or takes too much memory.
    """
    file = RangeFile(source.store, source.obj)
    table = open_parquet(source, file)
    names = table.schema_arrow.names
    prompt = source.builder.prompt_columns(names)
    if prompt is None:
        raise source.unreadable(f"has no column {source.builder.wanted}", f"Its columns: {shown_columns(names)}.")
    request_columns = [name for name in dict.fromkeys((*prompt, *PARAMETER_COLUMNS)) if name in names]
    id_columns = [name for name in source.builder.ids.columns if name in names]
    columns = list(dict.fromkeys((*request_columns, *id_columns)))
    twice = next((name for name in columns if names.count(name) > 1), None)
    if twice is not None:
        raise source.unreadable(f"names the column `{twice}` twice", "Rename one of them.")
    schema, most, number = table.schema_arrow, source.max_line_bytes, 0
    for piece in pieces(source, table, file, columns):
        values = [column_values(piece.column(name), schema.field(name), most, json_values) for name in request_columns]
        ids = [column_values(piece.column(name), schema.field(name), most, id_values) for name in id_columns]
        for index in range(piece.num_rows):
            number += 1
            record = {name: column[index] for name, column in zip(request_columns, values, strict=True)}
            named = {name: column[index] for name, column in zip(id_columns, ids, strict=True)}
            yield _staged(source, number, record, named)
    if number != table.metadata.num_rows:
        problem = f"is damaged: it holds {number} rows where its footer counts {table.metadata.num_rows}"
        raise source.unreadable(problem, _AGAIN)


def open_parquet(source: Source, file: RangeFile) -> pq.ParquetFile:
    """Open the object and read its footer.

    Raises:
        RequestError: it is not a Parquet file.
    """
    footer = int.from_bytes(file.peek(source.obj.size - 8, 4), "little") if source.obj.size >= 12 else 0
    if FOOTER_BYTES < footer <= source.obj.size:
        problem = f"has a footer of {footer} bytes, more than {FOOTER_BYTES}"
        raise source.unreadable(problem, "Write it again with fewer columns or larger row groups.")
    try:
        table = pq.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False)
        table.schema_arrow  # noqa: B018 - raises for a schema that Arrow cannot express
    except (pa.ArrowException, OSError, ValueError) as error:
        if file.failure:
            raise file.failure from error
        raise source.unreadable("is not a Parquet file", "Check the upload, or set input_format.") from error
    return table


def pieces(source: Source, table: pq.ParquetFile, file: RangeFile, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield all rows of the columns in batches that take a bounded size as Python values, or are one row.

    Raises:
        RequestError: the object is damaged, or takes too much memory.
    """
    guard = PageGuard(source, table, columns, file.peek)
    number = 0
    try:
        if guard.texts_in_lists:
            options = {"metadata": table.metadata, "read_dictionary": guard.texts_in_lists}
            table = pq.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False, **options)
        for group in range(table.num_row_groups):
            check_metadata(table, file, group, columns)
            size = guard.enter(group)
            file.watch = guard.look
            for batch in table.iter_batches(size, row_groups=[group], columns=columns, use_threads=False):
                for piece in bounded(batch.select(columns), _PIECE_BYTES):
                    number += piece.num_rows
                    yield piece
                guard.batch_done()
    except (pa.ArrowException, OSError, ValueError) as error:
        if file.failure and not isinstance(file.failure, ValueError):
            raise file.failure from error
        raise source.unreadable(f"is damaged after row {number}", _AGAIN) from error


class _Checked(ValueError):
    """Ends Arrow's read of a row group before its first byte."""


def check_metadata(table: pq.ParquetFile, file: RangeFile, group: int, columns: list[str]) -> None:
    """Let Arrow open the columns of a row group: pyarrow's own getters end the process if the metadata is damaged.

    Raises:
        pa.ArrowException: it is damaged; ``OSError`` and ``ValueError`` too.
    """

    def stop(offset: int, size: int) -> None:
        raise _Checked(f"{size} bytes at {offset}")

    file.watch = stop
    try:
        next(table.iter_batches(1, row_groups=[group], columns=columns, use_threads=False), None)
    except (pa.ArrowException, OSError, ValueError):
        if not isinstance(file.failure, _Checked):
            raise
    file.failure = None


def _staged(source: Source, number: int, record: dict[str, object], named: dict[str, object]) -> StagedRow:
    custom_id = None
    try:
        custom_id = _custom_id(source, named)
        _check_readable(record)
        return source.row(number, custom_id, source.builder.of_record(record))
    except Exception as error:  # whatever one row holds is that row's failure
        return source.failed(number, custom_id, error, _shown(record))


def _custom_id(source: Source, named: dict[str, object]) -> str | None:
    if source.builder.ids.is_named:
        _check_readable(named)
    return source.builder.ids.of({k: value for k, value in named.items() if not isinstance(value, Unreadable)})


def _check_readable(record: dict[str, object]) -> None:
    for value in record.values():
        if isinstance(value, Unreadable):
            raise value.error


def _shown(record: dict[str, object]) -> str | bytes:
    """Return the row's raw text: its only value, or all of them as a Python dictionary."""
    shown = {name: value.raw if isinstance(value, Unreadable) else value for name, value in record.items()}
    values = [value for name, value in shown.items() if name not in PARAMETER_COLUMNS]
    only = values[0] if len(values) == 1 else shown
    try:
        return only if isinstance(only, (str, bytes)) else str(only)
    except Exception:  # nested too deeply, or a number of too many digits
        return ""
