"""Parquet, batch by batch over ranged reads; only the needed columns are fetched."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from llmbatch.core.errors import RowError
from llmbatch.core.rows import StagedRow
from llmbatch.orchestrator.inputs.prompt import SAMPLING_COLUMN
from llmbatch.orchestrator.inputs.readers.parquet_values import Unreadable, id_values, json_values
from llmbatch.orchestrator.inputs.readers.range_file import RangeFile
from llmbatch.orchestrator.inputs.readers.source import Source

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
    request_columns = [name for name in dict.fromkeys((*prompt, SAMPLING_COLUMN)) if name in names]
    id_columns = [name for name in source.builder.ids.columns if name in names]
    columns = list(dict.fromkeys((*request_columns, *id_columns)))
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
        values = [json_values(batch.column(name), name) for name in request_columns]
        ids = [id_values(batch.column(name), name) for name in id_columns]
        for index in range(batch.num_rows):
            number += 1
            record = {name: column[index] for name, column in zip(request_columns, values, strict=True)}
            named = {name: column[index] for name, column in zip(id_columns, ids, strict=True)}
            yield _staged(source, number, record, named)


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


def _staged(source: Source, number: int, record: dict[str, object], named: dict[str, object]) -> StagedRow:
    custom_id = None
    try:
        custom_id = _custom_id(source, named)
        _check_readable(record)
        return source.row(number, custom_id, source.builder.of_record(record))
    except RowError as error:
        return source.failed(number, custom_id, error, _shown(record))


def _custom_id(source: Source, named: dict[str, object]) -> str | None:
    if source.builder.ids.is_named:
        _check_readable(named)
    return source.builder.ids.of({k: value for k, value in named.items() if not isinstance(value, Unreadable)})


def _check_readable(record: dict[str, object]) -> None:
    for value in record.values():
        if isinstance(value, Unreadable):
            raise value.error


def _shown(record: dict[str, object]) -> str:
    """Return the row's raw text: its only value, or all of them as a Python dictionary."""
    shown = {name: value for name, value in record.items() if not isinstance(value, Unreadable)}
    values = [value for name, value in shown.items() if name != SAMPLING_COLUMN]
    only = values[0] if len(values) == 1 else shown
    return only if isinstance(only, str) else str(only)


def _batch_rows(table: pq.ParquetFile) -> int:
    """Return how many rows of average size make 8 MiB, at most 4096."""
    meta = table.metadata
    size = sum(meta.row_group(index).total_byte_size for index in range(meta.num_row_groups))
    average = int(size) // max(1, int(meta.num_rows))
    return max(1, min(_MAX_BATCH_ROWS, _BATCH_BYTES // max(1, average)))
