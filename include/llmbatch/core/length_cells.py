"""Rows counted by the length of their input and of the longest answer allowed: what a heartbeat tells the ETA model."""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field


class LengthClass(NamedTuple):
    """Rows alike in length: half-octaves (see ``bucket_of``) of the prompt's characters and of ``max_tokens``."""

    chars: int
    limit: int


class LengthCell(BaseModel):
    """The rows of one generation whose prompts have about the same length, as have the longest answers they allow.

    Where the template is known, they have that in common, too.

    Totals come from staging, the rest is summed by the replicas. Rows that never reach an engine are not counted.
    A row runs from when it is among the oldest ``max_num_seqs`` rows of its engine, for these are decoded; rows that
    were handed to an engine beyond these still wait. Seconds count from then, until the answer or until now.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    template: str = ""
    bucket: int
    """Half-octave of the prompts' characters."""
    limit: Annotated[int, Field(ge=0)]
    """The most output tokens that one of the rows may have; 0 where an engine only reads, as for an embedding."""
    rows: Annotated[int, Field(ge=0)]
    chars: Annotated[int, Field(ge=0)]
    ended: Annotated[int, Field(ge=0)] = 0
    """Rows with any outcome."""
    answered: Annotated[int, Field(ge=0)] = 0
    """Rows with an answer; the sums below are over these."""
    tokens: Annotated[int, Field(ge=0)] = 0
    tokens_squared: Annotated[int, Field(ge=0)] = 0
    """Sum of the squares of output tokens."""
    answered_seconds: Annotated[float, Field(ge=0)] = 0.0
    running: Annotated[int, Field(ge=0)] = 0
    running_seconds: Annotated[float, Field(ge=0)] = 0.0
    """Sum of the ages of the rows in an engine now."""
    running_seconds_squared: Annotated[float, Field(ge=0)] = 0.0
    """Sum of the squares of these ages: in the first wave all rows are of one age, later they are not."""

    @property
    def key(self) -> CellKey:
        """What tells this cell from the others of its job."""
        return self.template, self.bucket, self.limit

    @property
    def mean_chars(self) -> float:
        """Characters of an average row; at least 1."""
        return max(1.0, self.chars / self.rows) if self.rows else 1.0

    @property
    def left(self) -> int:
        """Rows without an outcome, in an engine or not."""
        return max(0, self.rows - self.ended)

    @property
    def waiting(self) -> int:
        """Rows that no engine has seen."""
        return max(0, self.left - self.running)


CellKey = tuple[str, int, int]
"""Template, half-octave of the prompts' characters, and limit."""


def bucket_of(length: int) -> int:
    """Return the half-octave of a length: 100 characters or tokens give 13, 141 give 14, 200 give 15."""
    return round(2 * math.log2(max(1, length)))


def class_of(chars: int, max_tokens: int) -> LengthClass:
    """Return the class of a row with ``chars`` input characters and at most ``max_tokens`` output tokens.

    Rows that have no output tokens are in one class with those of one token at most.
    """
    return LengthClass(bucket_of(chars), bucket_of(max_tokens))
