"""One input object on its way to staged rows: its index in the job, its bytes, and its row ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import RequestError, RowError
from llmbatch.core.identity import row_id_of
from llmbatch.core.job_spec import InputObject
from llmbatch.core.request_options import CsvEncoding
from llmbatch.core.rows import StagedRow
from llmbatch.core.states import ErrorClass
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.inputs.prompt import BuiltRequest, RequestBuilder
from llmbatch.orchestrator.inputs.readers.compression import BrokenStream, plain_chunks
from llmbatch.orchestrator.inputs.readers.encoding import as_utf8
from llmbatch.orchestrator.inputs.readers.lines import Line, split_lines
from llmbatch.orchestrator.inputs.readers.look import Look
from llmbatch.orchestrator.inputs.readers.object_stream import object_chunks

RAW_CHARS = 2000
"""Characters of an unreadable row that are kept."""

COLUMNS_SHOWN = 100

_FOREIGN = (
    (b"PAR1", "is a Parquet file", "Set input_format to parquet."),
    (b"PK\x03\x04", "is a zip archive", "Unpack it, or compress it with gzip or zstd."),
    (b"BZh", "is compressed with bzip2", "Compress it with gzip or zstd instead."),
    (b"\xfd7zXZ", "is compressed with xz", "Compress it with gzip or zstd instead."),
    (b"\xff\xfe", "is UTF-16 text", "Save it as UTF-8, or set csv.encoding if it is CSV."),
    (b"\xfe\xff", "is UTF-16 text", "Save it as UTF-8, or set csv.encoding if it is CSV."),
)

_WILDCARD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Source:
    """An input object, its index in the job, and what is needed to read it."""

    store: ObjectStore
    obj: InputObject
    index: int
    builder: RequestBuilder
    look: Look | None = None
    """Bounds what is read, where only a part of the object is needed."""

    @property
    def name(self) -> str:
        """The object's name in messages."""
        return object_name(self.obj.uri, self.builder.request.source_uri)

    @property
    def max_line_bytes(self) -> int:
        """Longest line of an allowed row: 12 bytes a character (JSON escapes), its media, and 1 MiB for the rest."""
        staging = self.builder.staging
        return staging.max_prompt_chars * 12 + staging.max_media_bytes + 2**20

    def lines(self, encoding: CsvEncoding = "utf-8") -> Iterator[Line]:
        """Yield the plain text lines of the object, as UTF-8.

        Raises:
            RequestError: the object is not text, or (while reading) its compressed data is damaged.
        """
        chunks = plain_chunks(object_chunks(self.store, self.obj))
        if encoding != "utf-8":
            chunks = as_utf8(chunks, encoding)
        lines = self._whole(split_lines(chunks, self.max_line_bytes))
        if self.look is not None:
            lines = self.look.lines(lines, self.obj.uri)
        first = next(lines, None)
        if first is None:
            return iter(())
        for magic, problem, fix in _FOREIGN:
            if first.raw.startswith(magic):
                raise self.unreadable(problem, fix)
        return chain((first,), lines)

    def _whole(self, lines: Iterator[Line]) -> Iterator[Line]:
        """Yield the lines; a damaged stream is an error, because the number of lost lines is unknown."""
        number = 0
        try:
            for line in lines:
                number = line.number
                yield line
        except BrokenStream as error:
            raise self.unreadable(
                f"is damaged after line {number}: {error}", "Compress the file again, upload it and start a new job."
            ) from error
        except UnicodeDecodeError as error:
            raise self.unreadable(
                f"ends within a character after line {number}", f"Upload it again, or correct csv.encoding: {error}."
            ) from error

    def unreadable(self, problem: str, fix: str) -> RequestError:
        """Return the error for an object of which nothing can be read."""
        return RequestError("input_uri", f"{self.obj.uri} {problem}", fix)

    def row(self, line: int, custom_id: str | None, request: BuiltRequest) -> StagedRow:
        """Return a row that an engine can answer."""
        return StagedRow(
            row_id=row_id_of(self.index, line),
            custom_id=custom_id,
            line=line,
            url=request.endpoint.value,
            request=request.text,
            input_chars=request.input_chars,
            answer_limit=request.answer_limit,
            error_class=None,
            error=None,
        )

    def failed(
        self, line: int, custom_id: str | None, error: Exception, raw: str | bytes, endpoint: Endpoint | None = None
    ) -> StagedRow:
        """Return a row that could not be read, with the reason and the start of its raw text.

        Args:
            line: its number.
            custom_id: its id, if that could be read.
            error: a ``RowError``, or whatever else its values raised.
            raw: its raw text.
            endpoint: what it would have been for; by default that of the rows of a table.

        Raises:
            MemoryError: the error is one: it belongs to the process, and another attempt may read the row.
        """
        reason = error if isinstance(error, RowError) else _unforeseen(error)
        return StagedRow(
            row_id=row_id_of(self.index, line),
            custom_id=custom_id,
            line=line,
            url=(endpoint or self.builder.table_endpoint).value,
            request=shortened(raw),
            input_chars=0,
            answer_limit=0,
            error_class=reason.error_class.value,
            error=f"line {line} of {self.name}: {shortened(reason.message)}",
        )


def shown_columns(names: Sequence[str]) -> str:
    """Return column names for a message: the first hundred, each to its hundredth character."""
    more = f" and {len(names) - COLUMNS_SHOWN} more" if len(names) > COLUMNS_SHOWN else ""
    return (", ".join(shortened(name[:COLUMNS_SHOWN]) for name in names[:COLUMNS_SHOWN]) or "none") + more


def _unforeseen(error: Exception) -> RowError:
    """Return the row's failure for an error that no check of ours foresaw, without the values that it may hold."""
    if isinstance(error, MemoryError):
        raise error
    return RowError(
        ErrorClass.INVALID,
        f"the row holds a value that cannot be read ({type(error).__name__}). Use plain texts, numbers, lists and "
        "objects; nest them less deeply",
    )


def shortened(raw: str | bytes) -> str:
    """Return the first 2000 characters of a raw row as text that is valid UTF-8."""
    if isinstance(raw, bytes):
        return raw[: RAW_CHARS * 4].decode("utf-8", "replace")[:RAW_CHARS]
    return raw[:RAW_CHARS].encode("utf-8", "replace").decode("utf-8")


def object_name(uri: str, source_uri: str) -> str:
    """Return an object's key below the folder that an input address names before any wildcard.

    ``s3://b/in/day=1/part-0`` of ``s3://b/in/`` or ``s3://b/in/day=*/*`` is ``day=1/part-0``.
    """
    folder = _WILDCARD.split(source_uri, maxsplit=1)[0].rpartition("/")[0]
    return uri.removeprefix(f"{folder}/")


def decoded(line: Line, fix: str = "Save the file as UTF-8") -> str:
    """Return a line's text.

    Raises:
        RowError: the line has a problem of its own, is not UTF-8, or holds a NUL byte.
    """
    if line.problem:
        raise RowError(line.error_class, line.problem)
    if b"\0" in line.raw:
        raise RowError(ErrorClass.INVALID, "the line holds a NUL byte. Remove it; the file may be damaged")
    try:
        return line.raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RowError(
            ErrorClass.INVALID,
            f"not UTF-8 (byte 0x{line.raw[error.start]:02x} at position {error.start + 1}). {fix}",
        ) from None
