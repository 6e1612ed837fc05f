"""Which character separates the fields of a CSV object, from its first lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from llmbatch.core.errors import RequestError
from llmbatch.orchestrator.inputs.readers.csv_records import CsvRecord, csv_records
from llmbatch.orchestrator.inputs.readers.lines import Line
from llmbatch.orchestrator.inputs.readers.source import Source

DELIMITERS = (",", ";", "\t", "|")

_HEAD_LINES = 50
_HEAD_BYTES = 256 * 1024
_EXCEL = re.compile(rb'"?sep=(.)"?\r?')


def head_lines(lines: Iterator[Line]) -> list[Line]:
    """Take the first lines: at most 50, and no further one after 256 KiB."""
    head: list[Line] = []
    size = 0
    for line in islice(lines, _HEAD_LINES):
        head.append(line)
        size += len(line.raw)
        if size > _HEAD_BYTES:
            break
    return head


def excel_delimiter(first: Line) -> str | None:
    """Return the character that Excel's line ``sep=;`` names, None for any other line."""
    found = _EXCEL.fullmatch(first.raw)
    return found[1].decode("ascii", "replace") if found else None


def detected_delimiter(head: Sequence[Line], *, is_all: bool, source: Source) -> str:
    """Return the delimiter that splits the first lines into equally many fields; a comma if none splits the first one.

    ``id;prompt`` above ``1;Yes, it is`` gives ``;``: a comma splits only one of the lines.

    Args:
        head: the first lines.
        is_all: whether the object has no further line; else the last record may be cut off.
        source: the object, for its longest record and for errors.

    Raises:
        RequestError: two delimiters fit equally well.
    """
    fits: dict[str, tuple[float, int]] = {}
    for delimiter in DELIMITERS:
        records = list(csv_records(iter(head), delimiter, source.max_line_bytes))
        if not is_all and len(records) > 1:
            records.pop()
        width = next((len(record.fields) for record in records if not record.error), 0)
        if width > 1:
            fits[delimiter] = _share(records, width), width
    if not fits:
        return ","
    best = max(share for share, _ in fits.values())
    found = [delimiter for delimiter, (share, _) in fits.items() if share == best]
    if len(found) > 1:
        seen = " or ".join(f"at {delimiter!r} ({fits[delimiter][1]} columns)" for delimiter in found)
        problem = f"is not given, and the first lines of {source.obj.uri} can be split {seen}"
        raise RequestError("csv.delimiter", problem, "Set it.")
    return found[0]


def _share(records: list[CsvRecord], width: int) -> float:
    """Return the share of the records that have so many fields, each with whole quotes."""
    alike = [r for r in records if len(r.fields) == width and not any(f.count('"') % 2 for f in r.fields)]
    return len(alike) / len(records)
