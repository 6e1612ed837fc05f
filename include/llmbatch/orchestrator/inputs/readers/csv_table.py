"""CSV with a header line (RFC 4180; ``.tsv`` objects are split at tabs)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from llmbatch.core.errors import RowError
from llmbatch.core.rows import StagedRow
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.readers.csv_records import CsvRecord, csv_records
from llmbatch.orchestrator.inputs.readers.source import Source, shown_columns, table_custom_id

MAX_COLUMNS = 16_384
"""As many as a spreadsheet has."""


def read_csv(source: Source) -> Iterator[StagedRow]:
    """Yield one row per record; its line number is that of the record's first line.

    Raises:
        RequestError: the header cannot be read or lacks the prompt's columns.
    """
    records = csv_records(source.lines(), delimiter_of(source.obj.uri), source.max_line_bytes)
    header = header_of(source, next(records, None))
    if header and source.builder.prompt_columns(header) is None:
        columns = shown_columns(header)
        raise source.unreadable(f"has no column {source.builder.wanted}", f"Its header names: {columns}.")
    for record in records:
        custom_id = None
        try:
            values = _values(record, header)
            custom_id = table_custom_id(values)
            yield source.row(record.number, custom_id, source.builder.of_record(values))
        except Exception as error:  # whatever one row holds is that row's failure
            yield source.failed(record.number, custom_id, error, record.raw)


def _values(record: CsvRecord, header: list[str]) -> dict[str, object]:
    if record.error:
        raise record.error
    if len(record.fields) != len(header):
        raise RowError(
            ErrorClass.INVALID,
            f"{len(record.fields)} fields where the header has {len(header)}. Quote fields that hold commas",
        )
    return dict(zip(header, record.fields, strict=True))


def header_of(source: Source, first: CsvRecord | None) -> list[str]:
    """Return the column names; none for an empty object.

    Raises:
        RequestError: the header is broken or names a column twice.
    """
    if first is None:
        return []
    if first.error:
        raise source.unreadable(f"has no readable header: {first.error.message}", "Repair its first line.")
    header = [name.strip() for name in first.fields]
    if len(header) > MAX_COLUMNS:
        raise source.unreadable(f"has {len(header)} columns, more than {MAX_COLUMNS}", "Leave out those not needed.")
    duplicate = next((name for name, times in Counter(header).items() if name and times > 1), None)
    if duplicate is not None:
        raise source.unreadable(f"names the column `{duplicate}` twice", "Rename one of them.")
    return header


def delimiter_of(uri: str) -> str:
    """Return a tab for ``.tsv`` (compressed too), else a comma."""
    return "\t" if uri.lower().removesuffix(".gz").removesuffix(".zst").endswith(".tsv") else ","
