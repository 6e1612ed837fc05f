"""Sums of rows by length as one short text, for records that a job may have 100,000 of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, NamedTuple

from pydantic import Field

from llmbatch.core.length_cells import LengthClass, bucket_of

LengthRows = Annotated[str, Field(pattern=r"^(\d+(:\d+){3}( |$))*$")]
"""``bucket:max_tokens:rows:characters`` of each length class, with a blank between: ``13:64:20:2210 16:64:44:11300``.

``max_tokens`` is the most that one of its rows may have; 0 where an engine only reads.
"""

LengthAnswers = Annotated[str, Field(pattern=r"^(\d+(:\d+){5}( |$))*$")]
"""``bucket:limit:answered:tokens:sum of squared tokens:milliseconds`` of each length class that has answers."""


class RowSums(NamedTuple):
    """Rows of one class that were staged."""

    rows: int
    chars: int
    max_tokens: int


class AnswerSums(NamedTuple):
    """Answered rows of one class."""

    answered: int
    tokens: int
    tokens_squared: int
    milliseconds: int


def pack_rows(sums: Mapping[LengthClass, RowSums]) -> str:
    """Return the text of staged rows, in the order of classes."""
    return " ".join(f"{kind.chars}:{n.max_tokens}:{n.rows}:{n.chars}" for kind, n in sorted(sums.items()))


def unpack_rows(text: str) -> Iterator[tuple[LengthClass, RowSums]]:
    """Yield the staged rows of each class."""
    for part in text.split():
        bucket, max_tokens, rows, chars = map(int, part.split(":"))
        yield LengthClass(bucket, bucket_of(max_tokens)), RowSums(rows, chars, max_tokens)


def pack_answers(sums: Mapping[LengthClass, AnswerSums]) -> str:
    """Return the text of answered rows, in the order of classes."""
    return " ".join(":".join(map(str, (*kind, *numbers))) for kind, numbers in sorted(sums.items()))


def unpack_answers(text: str) -> Iterator[tuple[LengthClass, AnswerSums]]:
    """Yield the answered rows of each class."""
    for part in text.split():
        bucket, limit, *numbers = map(int, part.split(":"))
        yield LengthClass(bucket, limit), AnswerSums(*numbers)
