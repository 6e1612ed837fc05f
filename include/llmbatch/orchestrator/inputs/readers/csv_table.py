"""CSV objects: their delimiter, their columns and their rows (RFC 4180)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from llmbatch.core.errors import RowError
from llmbatch.core.rows import StagedRow
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.readers.csv_dialect import detected_delimiter, excel_delimiter, head_lines
from llmbatch.orchestrator.inputs.readers.csv_records import CsvRecord, csv_records
from llmbatch.orchestrator.inputs.readers.lines import Line
from llmbatch.orchestrator.inputs.readers.source import Source, shown_columns

MAX_COLUMNS = 16_384
"""As many as a spreadsheet has."""

_BROKEN_RECORDS = 100
"""Records without a header of which the first good one tells the number of columns."""


class CsvTable(NamedTuple):
    """An open CSV object: its column names (none if it is empty), and its records without the header."""

    delimiter: str
    header: list[str]
    records: Iterator[CsvRecord]


def open_csv(source: Source) -> CsvTable:
    """Open the object as the request's ``csv`` describes it; detect what it leaves open.

    Raises:
        RequestError: the delimiter cannot be determined, the header is broken or names a column twice, or it has
            too many columns.
    """
    options = source.builder.request.csv
    lines = source.lines(options.encoding)
    head = head_lines(lines)
    following = next(lines, None)
    excel = excel_delimiter(head[0]) if head else None
    if excel is not None:
        del head[0]
    delimiter = options.delimiter or excel or _by_name(source.obj.uri)
    if delimiter is None:
        delimiter = detected_delimiter(head, is_all=following is None, source=source)
    rest: Iterator[Line] = lines if following is None else chain((following,), lines)
    records = csv_records(chain(head, rest), delimiter, source.max_line_bytes)
    if options.header:
        table = CsvTable(delimiter, _header(source, next(records, None)), records)
    else:
        table = _without_header(source, delimiter, records)
    width = len(table.header)
    if width > MAX_COLUMNS:
        raise source.unreadable(f"has {width} columns, more than {MAX_COLUMNS}", "Leave out those not needed.")
    return table


def read_csv(source: Source) -> Iterator[StagedRow]:
    """Yield one row per record; its line number is that of the record's first line.

    Raises:
        RequestError: the header cannot be read or lacks the prompt's columns.
    """
    _, header, records = open_csv(source)
    if header and source.builder.prompt_columns(header) is None:
        columns = shown_columns(header)
        raise source.unreadable(f"has no column {source.builder.wanted}", f"Its header names: {columns}.")
    for record in records:
        custom_id = None
        try:
            values = _values(record, header)
            custom_id = source.builder.ids.of(values)
            yield source.row(record.number, custom_id, source.builder.of_record(values))
        except Exception as error:  # whatever one row holds is that row's failure
            yield source.failed(record.number, custom_id, error, record.raw)


def _values(record: CsvRecord, header: list[str]) -> dict[str, object]:
    if record.error:
        raise record.error
    if len(record.fields) != len(header):
        raise RowError(
            ErrorClass.INVALID,
            f"{len(record.fields)} fields where there are {len(header)} columns. Quote fields that hold the delimiter",
        )
    return dict(zip(header, record.fields, strict=True))


def _header(source: Source, first: CsvRecord | None) -> list[str]:
    if first is None:
        return []
    if first.error:
        raise source.unreadable(f"has no readable header: {first.error.message}", "Repair its first line.")
    header = [name.strip() for name in first.fields]
    duplicate = next((name for name, count in Counter(header).items() if name and count > 1), None)
    if duplicate is not None:
        raise source.unreadable(
            f"names the column `{duplicate:.80}` twice",
            "Rename one of them; if the first line is a row, set csv.header to false.",
        )
    return header


def _without_header(source: Source, delimiter: str, records: Iterator[CsvRecord]) -> CsvTable:
    """Name the columns ``column_1``, ``column_2``, … as many as the first readable record has."""
    first: list[CsvRecord] = []
    for record in records:
        first.append(record)
        if not record.error:
            header = [f"column_{number}" for number in range(1, len(record.fields) + 1)]
            return CsvTable(delimiter, header, chain(first, records))
        if len(first) >= _BROKEN_RECORDS:
            break
    if first and first[0].error:
        raise source.unreadable(f"has no readable record: {first[0].error.message}", "Repair its first lines.")
    return CsvTable(delimiter, [], records)


def _by_name(uri: str) -> str | None:
    """Return a tab for ``.tsv`` (compressed too)."""
    return "\t" if uri.lower().removesuffix(".gz").removesuffix(".zst").endswith(".tsv") else None
