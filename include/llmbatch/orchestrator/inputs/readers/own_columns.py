"""The columns of a table as they are, with the ids of their rows: a second reading beside that of the requests."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from llmbatch.core.identity import row_id_of
from llmbatch.core.request_options import InputFormat
from llmbatch.orchestrator.inputs.keep import Keep
from llmbatch.orchestrator.inputs.readers.csv_table import open_csv
from llmbatch.orchestrator.inputs.readers.json_object import json_object
from llmbatch.orchestrator.inputs.readers.parquet import check_metadata, open_parquet, pieces
from llmbatch.orchestrator.inputs.readers.range_file import RangeFile
from llmbatch.orchestrator.inputs.readers.source import Source, decoded

ROW_ID = "row_id"
_ROWS = 1024
_BYTES = 8 * 2**20

Record = tuple[int, int, Mapping[str, object]]
"""The number of a row, the bytes of its raw text, and its values by column."""


def own_columns(source: Source, fmt: InputFormat, keep: Keep) -> Iterator[pa.Table]:
    """Yield the kept columns of an object in tables of bounded size, or of one row; the first column is ``row_id``.

    Parquet columns have their types, with texts in lists as indexes into a dictionary; CSV columns are text; values of
    JSON lines are JSON. A row that cannot be split into columns is left out. A name that the object lacks, or that two
    of its columns have, is left out too, and so is a Parquet column that no request named if it takes more than the
    limit of a row on average: it is not read.

    Args:
        source: the object.
        fmt: its format.
        keep: which columns.

    Raises:
        RequestError: the object cannot be read, or takes too much memory.
        InputChanged: it was replaced or deleted after the job was accepted.
    """
    if fmt is InputFormat.PARQUET:
        return _parquet(source, keep)
    if fmt is InputFormat.CSV:
        _, header, _ = open_csv(source)
        wanted = [name for name in header if name and _is_kept(name, keep)]
        return _tables(source, _csv_records(source), wanted, _text)
    return _tables(source, _json_records(source), list(keep.names or ()), _json)


def _is_kept(name: str, keep: Keep) -> bool:
    return keep.names is None or name in keep.names


def _parquet(source: Source, keep: Keep) -> Iterator[pa.Table]:
    file = RangeFile(source.store, source.obj)
    table = open_parquet(source, file)
    there: list[str] = table.schema_arrow.names
    columns = [name for name in there if there.count(name) == 1 and _is_kept(name, keep)]
    if not keep.is_strict:
        sizes = _sizes(source, table, file, columns)
        columns = [name for name in columns if sizes[name] <= keep.max_bytes * table.metadata.num_rows]
    number = 1
    for piece in pieces(source, table, file, columns) if columns else ():
        numbers = range(number, number + piece.num_rows)
        yield _table(source, numbers, {name: piece.column(name) for name in columns})
        number = numbers.stop


def _sizes(source: Source, table: pq.ParquetFile, file: RangeFile, columns: list[str]) -> Counter[str]:
    """Return the unpacked bytes of each column as the footer has them."""
    wanted, sizes = frozenset(columns), Counter[str]()
    roots = [table.schema.column(index).path.partition(".")[0] for index in range(len(table.schema))]
    for number in range(table.num_row_groups if columns else 0):
        try:
            check_metadata(table, file, number, columns)
        except (pa.ArrowException, OSError, ValueError) as error:
            if file.failure and not isinstance(file.failure, ValueError):
                raise file.failure from error
            raise source.unreadable(f"is damaged in row group {number}", "Write it again.") from error
        group = table.metadata.row_group(number)
        for index, root in enumerate(roots):
            if root in wanted:
                sizes[root] += group.column(index).total_uncompressed_size
    return sizes


def _csv_records(source: Source) -> Iterator[Record]:
    _, header, records = open_csv(source)
    for record in records:
        if not record.error and len(record.fields) == len(header):
            yield record.number, len(record.raw), dict(zip(header, record.fields, strict=True))


def _json_records(source: Source) -> Iterator[Record]:
    for line in source.lines():
        try:
            yield line.number, len(line.raw), json_object(decoded(line))
        except Exception:  # nosec B112 # a bad line has no columns; it fails as a row
            continue


def _tables(
    source: Source, records: Iterator[Record], names: list[str], read: Callable[[object], str | None]
) -> Iterator[pa.Table]:
    """Collect records to tables of up to 1024 rows or 8 MiB of raw text."""
    kind = pa.string() if read is _text else pa.json_()
    numbers: list[int] = []
    values: dict[str, list[str | None]] = {name: [] for name in names}
    size = 0
    for number, raw, record in records:
        if numbers and (len(numbers) >= _ROWS or size + raw > _BYTES):
            yield _table(source, numbers, {name: pa.array(texts, kind) for name, texts in values.items()})
            numbers, values, size = [], {name: [] for name in names}, 0
        numbers.append(number)
        size += raw
        for name, texts in values.items():
            texts.append(read(record.get(name)))
    if numbers:
        yield _table(source, numbers, {name: pa.array(texts, kind) for name, texts in values.items()})


def _table(source: Source, numbers: Sequence[int], columns: Mapping[str, pa.Array]) -> pa.Table:
    ids = pa.array([row_id_of(source.index, number) for number in numbers], pa.string())
    return pa.Table.from_arrays([ids, *columns.values()], names=[ROW_ID, *columns])


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _json(value: object) -> str | None:
    """Return the value as JSON text; None where JSON has no form for it."""
    if value is None:
        return None
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    except (ValueError, RecursionError):
        return None
    return text
