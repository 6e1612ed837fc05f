"""Parquet, batch by batch over ranged reads; only the needed columns are fetched."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from llmbatch.core.errors import RowError
from llmbatch.core.rows import StagedRow
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.prompt import OWN_COLUMNS
from llmbatch.orchestrator.inputs.readers.decoded_size import bounded, decoded_bytes
from llmbatch.orchestrator.inputs.readers.page_guard import PageGuard
from llmbatch.orchestrator.inputs.readers.range_file import RangeFile
from llmbatch.orchestrator.inputs.readers.source import Source, shown_columns, table_custom_id

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
    columns = [name for name in dict.fromkeys((*prompt, *OWN_COLUMNS)) if name in names]
    twice = next((name for name in columns if names.count(name) > 1), None)
    if twice is not None:
        raise source.unreadable(f"names the column `{twice}` twice", "Rename one of them.")
    number = 0
    kinds = [table.schema_arrow.field(name).type for name in columns]
    for piece in _pieces(source, table, file, columns):
        pairs = zip(piece.columns, kinds, strict=True)
        values = [_values(column, kind, source.max_line_bytes) for column, kind in pairs]
        for row in zip(*values, strict=True):
            number += 1
            yield _staged(source, number, dict(zip(columns, row, strict=True)))
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


def _pieces(source: Source, table: pq.ParquetFile, file: RangeFile, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield all rows of the columns in batches that take a bounded size as Python values."""
    guard = PageGuard(source, table, columns, file.peek)
    number = 0
    try:
        if guard.texts_in_lists:
            options = {"metadata": table.metadata, "read_dictionary": guard.texts_in_lists}
            table = pq.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False, **options)
        for group in range(table.num_row_groups):
            _check_metadata(table, file, group, columns)
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


def _check_metadata(table: pq.ParquetFile, file: RangeFile, group: int, columns: list[str]) -> None:
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


def _staged(source: Source, number: int, record: dict[str, object]) -> StagedRow:
    custom_id = None
    try:
        _check(record)
        custom_id = table_custom_id(record)
        return source.row(number, custom_id, source.builder.of_record(record))
    except Exception as error:  # whatever one row holds is that row's failure
        return source.failed(number, custom_id, error, _shown(record))


def _check(record: dict[str, object]) -> None:
    for name, value in record.items():
        if isinstance(value, _Unreadable):
            raise RowError(value.error_class, f"column `{name}` {value.problem}")


class _Unreadable(bytes):
    """The bytes of a value that cannot be read, as far as they are known, in its place."""

    error_class = ErrorClass.INVALID
    problem = "is not UTF-8. Write it as UTF-8 text"


class _OutOfRange(_Unreadable):
    """A value that Python cannot hold, such as a time in the year 200,000."""

    problem = "has a value out of range. Correct it"


class _TooLarge(_Unreadable):
    """A value above the limit of a line."""

    error_class = ErrorClass.TOO_LONG
    problem = "has a value that is larger than a row may be. Shorten it or raise staging.max_prompt_chars"


def _values(column: pa.Array, kind: pa.DataType, most: int) -> list[object]:
    """Return Python values; what cannot be read or takes more than ``most`` bytes as ``_Unreadable``.

    Binary columns become text.
    """
    if len(column) == 1 and decoded_bytes(column) > most:
        return [_TooLarge()]
    if column.type != kind:
        column = column.cast(kind)  # texts in lists, which were decoded as indexes into a dictionary
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return [_text(value) for value in column.to_pylist()]
    try:
        return list(column.to_pylist())
    except Exception:  # of one value or of many; the others are kept
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            binary = pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary()
            return [_text(value) for value in column.cast(binary).to_pylist()]
        return [_scalar(scalar) for scalar in column]


def _scalar(scalar: pa.Scalar) -> object:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return _Unreadable()
    except Exception:  # a date after the year 9999, an unknown time zone: each type has errors of its own
        return _OutOfRange()


def _text(value: bytes | None) -> object:
    try:
        return value.decode("utf-8") if value is not None else None
    except UnicodeDecodeError:
        return _Unreadable(value or b"")


def _shown(record: dict[str, object]) -> str | bytes:
    """Return the row's raw text: its only value, or all of them as a Python dictionary."""
    values = [value for name, value in record.items() if name not in OWN_COLUMNS]
    only = values[0] if len(values) == 1 else record
    try:
        return only if isinstance(only, (str, bytes)) else str(only)
    except Exception:  # nested too deeply, or a number of too many digits
        return ""
