"""Parquet, batch by batch over ranged reads; only the needed columns are fetched."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from llmbatch.core.errors import RowError
from llmbatch.core.rows import StagedRow
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.prompt import OWN_COLUMNS
from llmbatch.orchestrator.inputs.readers.range_file import RangeFile
from llmbatch.orchestrator.inputs.readers.source import Source, table_custom_id

_BATCH_BYTES = 8 * 2**20
_MAX_BATCH_ROWS = 4096
_BUFFER_BYTES = 2**20


def read_parquet(source: Source) -> Iterator[StagedRow]:
    """Yield one row per table row, numbered from 1.

    Raises:
        RequestError: the object is not Parquet or lacks the prompt's columns.
    """
    file = RangeFile(source.store, source.obj)
    table = open_parquet(source, file)
    names = table.schema_arrow.names
    prompt = source.builder.prompt_columns(names)
    if prompt is None:
        raise source.unreadable(f"has no column {source.builder.wanted}", f"Its columns: {', '.join(names)}.")
    columns = [name for name in dict.fromkeys((*prompt, *OWN_COLUMNS)) if name in names]
    number = 0
    batches = table.iter_batches(batch_size=_batch_rows(table), columns=columns, use_threads=False)
    while True:
        try:
            batch = next(batches, None)
        except (pa.ArrowException, OSError, ValueError) as error:
            if file.failure:
                raise file.failure from error
            raise source.unreadable(
                f"is damaged after row {number}", "Write the file again, upload it and start a new job."
            ) from error
        if batch is None:
            return
        values = [_values(column) for column in batch.columns]
        for row in zip(*values, strict=True):
            number += 1
            yield _staged(source, number, dict(zip(columns, row, strict=True)))


def open_parquet(source: Source, file: RangeFile) -> pq.ParquetFile:
    """Open the object and read its footer.

    Raises:
        RequestError: it is not a Parquet file.
    """
    try:
        return pq.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        if file.failure:
            raise file.failure from error
        raise source.unreadable("is not a Parquet file", "Check the upload, or set input_format.") from error


def _staged(source: Source, number: int, record: dict[str, object]) -> StagedRow:
    custom_id = None
    try:
        _check_text(record)
        custom_id = table_custom_id(record)
        return source.row(number, custom_id, source.builder.of_record(record))
    except RowError as error:
        return source.failed(number, custom_id, error, _shown(record))


class _NotText(bytes):
    """Bytes in place of a text that is not UTF-8."""


def _check_text(record: dict[str, object]) -> None:
    bad = next((name for name, value in record.items() if isinstance(value, _NotText)), None)
    if bad is not None:
        raise RowError(ErrorClass.INVALID, f"column `{bad}` is not UTF-8. Write it as UTF-8 text")


def _values(column: pa.Array) -> list[object]:
    """Return Python values; text that is not UTF-8 as ``_NotText``, binary columns as text."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return [_text(value) for value in column.to_pylist()]
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            binary = pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary()
            return [_text(value) for value in column.cast(binary).to_pylist()]
        return [_scalar(scalar) for scalar in column]


def _scalar(scalar: pa.Scalar) -> object:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return _NotText()


def _text(value: bytes | None) -> object:
    try:
        return value.decode("utf-8") if value is not None else None
    except UnicodeDecodeError:
        return _NotText(value or b"")


def _shown(record: dict[str, object]) -> str | bytes:
    """Return the row's raw text: its only value, or all of them as a Python dictionary."""
    values = [value for name, value in record.items() if name not in OWN_COLUMNS]
    only = values[0] if len(values) == 1 else record
    return only if isinstance(only, (str, bytes)) else str(only)


def _batch_rows(table: pq.ParquetFile) -> int:
    """Return how many rows of average size make 8 MiB, at most 4096."""
    meta = table.metadata
    size = sum(meta.row_group(index).total_byte_size for index in range(meta.num_row_groups))
    average = int(size) // max(1, int(meta.num_rows))
    return max(1, min(_MAX_BATCH_ROWS, _BATCH_BYTES // max(1, average)))
