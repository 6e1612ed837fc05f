"""Rows counted by the length of their input: what a heartbeat tells the ETA model."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class LengthCell(BaseModel):
    """The rows of one generation whose prompts have about the same length (and the same template, where it is known).

    Totals come from staging, the rest is summed by the replicas. Rows that never reach an engine are not counted.
    A row runs from when it is among the oldest ``max_num_seqs`` rows of its engine, for these are decoded; rows that
    were handed to an engine beyond these still wait. Seconds count from then, until the answer or until now.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    template: str = ""
    bucket: int
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
    def key(self) -> tuple[str, int]:
        """What tells this cell from the others of its job."""
        return self.template, self.bucket

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


def bucket_of(chars: int) -> int:
    """Return the half-octave of a prompt length: 100 characters give 13, 141 give 14, 200 give 15."""
    return round(2 * math.log2(max(1, chars)))
