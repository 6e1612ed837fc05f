"""Sums of rows by input length as one short text, for records that a job may have 100,000 of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import Field

LengthRows = Annotated[str, Field(pattern=r"^(\d+(:\d+){2}( |$))*$")]
"""``bucket:rows:characters`` of each length bucket, with a blank between: ``13:20:2210 16:44:11300``."""

LengthAnswers = Annotated[str, Field(pattern=r"^(\d+(:\d+){4}( |$))*$")]
"""``bucket:answered:tokens:sum of squared tokens:milliseconds`` of each length bucket that has answers."""


def pack(sums: Mapping[int, Sequence[int]]) -> str:
    """Return the text of sums by bucket, in the order of buckets. ``{13: (20, 2210)}`` gives ``13:20:2210``."""
    return " ".join(":".join(map(str, (bucket, *numbers))) for bucket, numbers in sorted(sums.items()))


def unpack(text: str) -> Iterator[tuple[int, ...]]:
    """Yield the numbers of each bucket, the bucket first."""
    for part in text.split():
        yield tuple(map(int, part.split(":")))
