"""Physical lines of a byte stream, counted from 1, each bounded in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from llmbatch.core.states import ErrorClass

_BOM = b"\xef\xbb\xbf"
_HEAD_BYTES = 8000


class Line(NamedTuple):
    """One line without its line feed. With a ``problem``, ``raw`` is only its start."""

    number: int
    raw: bytes
    problem: str | None = None
    error_class: ErrorClass = ErrorClass.INVALID


def split_lines(chunks: Iterator[bytes], max_bytes: int) -> Iterator[Line]:
    r"""Yield every line, blank ones too; a UTF-8 byte order mark before the first is dropped.

    Args:
        chunks: the plain bytes; their errors are passed on.
        max_bytes: longest line to keep; a longer one keeps its first 8000 bytes and a problem.

    Lines a, b of ``b"a\nb"`` are numbered 1 and 2.
    """
    number, tail, head = 0, b"", None  # `head` is set while an over-long line is being skipped
    for chunk in _without_bom(chunks):
        data = chunk
        if head is not None:
            cut = data.find(b"\n")
            if cut < 0:
                continue
            number += 1
            yield _too_long(number, head, max_bytes)
            head, data = None, data[cut + 1 :]
        parts = (tail + data).split(b"\n")
        tail = parts.pop()
        for part in parts:
            number += 1
            yield Line(number, part) if len(part) <= max_bytes else _too_long(number, part, max_bytes)
        if len(tail) > max_bytes:
            head, tail = tail[:_HEAD_BYTES], b""
    if head is not None:
        yield _too_long(number + 1, head, max_bytes)
    elif tail:
        yield Line(number + 1, tail)


def _too_long(number: int, raw: bytes, max_bytes: int) -> Line:
    problem = (
        f"the line is longer than {max_bytes} bytes. Shorten the prompt, raise staging.max_prompt_chars, "
        "or check that every record ends with a line feed"
    )
    return Line(number, raw[:_HEAD_BYTES], problem, ErrorClass.TOO_LONG)


def _without_bom(chunks: Iterator[bytes]) -> Iterator[bytes]:
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= len(_BOM):
            break
    if head:
        yield head.removeprefix(_BOM)
    yield from chunks
