"""A multipart form with one file, read as a stream: in memory there is never more than a piece of the file."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request

from llmbatch.core.shown import shown
from llmbatch.gateway.openai.files_spool import Spool
from llmbatch.gateway.wire.failures import Failure

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

PIECE_BYTES = 2**20
"""How much of a file is written to disk at a time."""
FIELD_BYTES = 4096
FIELDS = 64
"""The most fields of a form beside its file, and the bytes of each. Fields that a route does not know are ignored."""
AROUND_BYTES = 2**20
"""Of a body beside its file."""


@dataclass(frozen=True)
class UploadForm:
    """The fields of a form by name, and the name of its file as the client sent it."""

    fields: dict[str, str]
    filename: str


async def read_form(request: Request, spool: Spool, *, part: str, most: int) -> UploadForm:
    """Read the body of a request: the bytes of the part ``part`` into ``spool``, all other parts as fields.

    Args:
        request: its body was not read yet.
        spool: empty.
        part: name of the part with the file.
        most: bytes that the file may have.

    Raises:
        Failure: 400 for a body that is not such a form; 413 if it is too large, as soon as that is known.
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > most + AROUND_BYTES:
        raise too_large(most, part)
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise Failure(400, f"Send the file as multipart/form-data, in a part with the name '{part}'.")
    reader = _Reader(part, most)
    received = 0
    try:
        parser = MultipartParser(options[b"boundary"], reader.callbacks())
        async for piece in request.stream():
            received += len(piece)
            if received > most + AROUND_BYTES:
                raise too_large(most, part)
            parser.write(piece)
            if len(reader.content) >= PIECE_BYTES:
                await asyncio.to_thread(spool.write, reader.take())
    except FormParserError as error:
        raise Failure(400, f"The body is not valid multipart/form-data: {shown(error, 200)}") from error
    except ClientDisconnect as error:
        raise Failure(400, "The connection was closed before the body was complete.") from error
    if not reader.is_complete:
        raise Failure(400, "The body ends before its last multipart boundary. Send it again.")
    if reader.filename is None:
        raise missing(part)
    await asyncio.to_thread(spool.write, reader.take())
    return UploadForm(reader.fields, reader.filename)


def too_large(most: int, param: str = "file") -> Failure:
    """Return the answer for a file of more than ``most`` bytes.

    Its text begins as OpenAI's, which has the status 400; 413 is what every other limit of a body here answers, and
    proxies in front of it. Clients repeat neither.
    """
    return Failure(413, f"File is too large. A file may have at most {most} bytes.", param=param)


def missing(name: str) -> Failure:
    """Return the answer for a parameter that is not there, in OpenAI's words."""
    return Failure(400, f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")


class _Reader:
    """Takes the parser's events."""

    def __init__(self, part: str, most: int) -> None:
        self._part, self._most = part, most
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self.content = bytearray()
        self.is_complete = False
        self._size = 0
        self._header, self._value, self._disposition = bytearray(), bytearray(), b""
        self._name = ""
        self._field = bytearray()

    def callbacks(self) -> MultipartCallbacks:
        """Return the methods that the parser calls."""
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def take(self) -> bytearray:
        """Return the bytes of the file that were not taken yet."""
        content, self.content = self.content, bytearray()
        return content

    def _part_begin(self) -> None:
        self._disposition, self._field = b"", bytearray()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise Failure(400, "A part of the form has no name in its header Content-Disposition.")
        self._name = options[b"name"].decode(errors="replace")
        if self._name == self._part:
            if self.filename is not None:
                raise Failure(400, f"The form has two parts with the name '{self._part}'. Send one.", param=self._part)
            self.filename = options.get(b"filename", b"").decode(errors="replace")
        elif self._name in self.fields:
            name = shown(self._name, 100)
            raise Failure(400, f"The form has two fields with the name '{name}'. Send one.", param=name)
        elif len(self.fields) >= FIELDS:
            raise Failure(400, f"The form has more than {FIELDS} fields.")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == self._part:
            self._size += end - start
            if self._size > self._most:
                raise too_large(self._most, self._part)
            self.content += data[start:end]
        else:
            self._field += data[start:end]
            if len(self._field) > FIELD_BYTES:
                name = shown(self._name, 100)
                raise Failure(400, f"The field '{name}' has more than {FIELD_BYTES} bytes.", param=name)

    def _part_end(self) -> None:
        if self._name != self._part:
            self.fields[self._name] = self._field.decode(errors="replace")

    def _end(self) -> None:
        self.is_complete = True
