"""CSV records from physical lines. A record with broken quotes loses one line; the next records are kept.

After an opening quote that is never closed, Python's parser reads the rest of the file as one field. Here such a
record fails with its first line only, and reading continues at the second line.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.readers.lines import Line
from llmbatch.orchestrator.inputs.readers.source import decoded

MAX_RECORD_LINES = 100_000

_ENCODING_FIX = "Save the file as UTF-8, or set csv.encoding"
_MOST_REPEATED = 16
_REPEATED_BYTES = 2**20
"""Lines are read again up to 16 times on average; the lines of later records with broken quotes fail together."""


@dataclass(frozen=True, slots=True)
class CsvRecord:
    """A record: the number of its first line, and either its fields or why it has none. ``raw`` is its text."""

    number: int
    raw: str | bytes
    fields: list[str]
    error: RowError | None = None


class _StopRecord(Exception):
    """Ends the parser's current record: a line of it is bad, the record is too long, or the input is over."""

    def __init__(self, reason: RowError) -> None:
        super().__init__(reason.message)
        self.reason = reason


@dataclass
class _Feed:
    """Passes physical lines to the parser, and keeps those of the current record so that they can be read again."""

    lines: Iterator[Line]
    max_bytes: int
    again: deque[Line] = field(default_factory=deque)
    record: list[Line] = field(default_factory=list)
    size: int = 0
    fresh: int = 0
    repeated: int = 0
    """Bytes that were read for the first time, and bytes that will be read again."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._next()
        if line is None:
            if self.record:
                raise _StopRecord(_broken("a quote is opened and never closed"))
            raise StopIteration
        self.record.append(line)
        self.size += len(line.raw)
        try:
            text = decoded(line, _ENCODING_FIX)
        except RowError as error:
            raise _StopRecord(error) from None
        if self.size > self.max_bytes:
            raise _StopRecord(_broken(f"a quote is opened and not closed within {self.max_bytes} bytes"))
        if len(self.record) > MAX_RECORD_LINES:
            raise _StopRecord(_broken(f"a quote is opened and not closed within {MAX_RECORD_LINES} lines"))
        return text + "\n"

    def _next(self) -> Line | None:
        if self.again:
            return self.again.popleft()
        line = next(self.lines, None)
        self.fresh += len(line.raw) + 1 if line is not None else 0
        return line

    def skip_blank(self) -> bool:
        """Drop blank lines; return whether a line is left."""
        while True:
            line = self._next()
            if line is None:
                return False
            if line.problem or line.raw.strip():
                self.again.appendleft(line)
                return True

    def begin(self) -> None:
        self.record, self.size = [], 0

    def resume_after_first(self) -> Sequence[Line]:
        """Read all but the first line of the current record again; return them instead if that is done too often."""
        rest = [line for line in self.record[1:] if line.problem or line.raw.strip()]
        self.repeated += self.size
        if self.repeated > _MOST_REPEATED * self.fresh + _REPEATED_BYTES:
            return rest
        self.again.extendleft(reversed(rest))
        return ()


def csv_records(lines: Iterator[Line], delimiter: str, max_bytes: int) -> Iterator[CsvRecord]:
    """Yield the records, the header first; blank lines between them are skipped.

    ``a,"b`` newline ``c,d`` gives a failed record for line 1 and the record ``c,d`` for line 2.
    """
    if csv.field_size_limit() < max_bytes:
        csv.field_size_limit(max_bytes)  # the limit is global to the process; it is raised, never lowered
    feed = _Feed(lines, max_bytes)
    parser = csv.reader(feed, delimiter=delimiter, strict=True)
    while feed.skip_blank():
        feed.begin()
        error: RowError
        try:
            fields = next(parser)
        except csv.Error as problem:
            error = _broken(f"the quotes do not match ({problem})")
        except _StopRecord as stop:
            error = stop.reason
        else:
            if len(feed.record) == 1:
                yield CsvRecord(feed.record[0].number, feed.record[0].raw, fields)
            else:
                yield CsvRecord(feed.record[0].number, b"\n".join(line.raw for line in feed.record), fields)
            continue
        parser = csv.reader(feed, delimiter=delimiter, strict=True)
        first = feed.record[0]
        yield CsvRecord(first.number, first.raw, [], error)
        for line in feed.resume_after_first():
            yield CsvRecord(line.number, line.raw, [], error)


def _broken(problem: str) -> RowError:
    return RowError(ErrorClass.INVALID, f'{problem}. Put fields with quotes into quotes and double them: "say ""hi"""')
