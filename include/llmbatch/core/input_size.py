"""How much a job has to do, counted or estimated from a sample, before any row has run."""

from __future__ import annotations

import math
from collections import Counter
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from llmbatch.core.length_cells import LengthCell, LengthClass, class_of


class InputSize(BaseModel):
    """Rows and prompt characters of an input.

    Attributes:
        rows: rows that an engine will answer, as counted or as most likely. Of a Parquet input all rows count.
        rows_low: with ``rows_high`` the 80 % interval; both equal ``rows`` where all rows were counted.
        rows_high: see ``rows_low``.
        mean_chars: characters of an average prompt.
        chars_deviation: standard deviation of a prompt's characters.
        max_tokens: the longest answer that a row may ask for.
        sampled_rows: rows that were looked at.
        doubt: standard error of all characters together, as a part of them; 0 if all rows were read.
        cells: rows by length, scaled to ``rows``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: Annotated[int, Field(ge=0)]
    rows_low: Annotated[int, Field(ge=0)]
    rows_high: Annotated[int, Field(ge=0)]
    mean_chars: float
    chars_deviation: float
    max_tokens: int
    sampled_rows: int
    doubt: Annotated[float, Field(ge=0)] = 0.0
    cells: tuple[LengthCell, ...] = ()

    def at_most(self, rows: int) -> InputSize:
        """Return the size of a sample of ``rows`` of these rows; this size if there are not more."""
        if self.rows_high <= rows:
            return self
        part = min(1.0, rows / self.rows) if self.rows else 1.0
        return self.model_copy(
            update={
                "rows": min(rows, self.rows),
                "rows_low": min(rows, self.rows_low),
                "rows_high": rows,
                "cells": tuple(each.model_copy(update=_part_of(each, part)) for each in self.cells),
            }
        )


def _part_of(cell: LengthCell, part: float) -> dict[str, int]:
    rows = max(1, round(cell.rows * part))
    return {"rows": rows, "chars": rows * cell.chars // max(1, cell.rows)}


class LengthTally:
    """Counts rows by length in constant memory."""

    def __init__(self) -> None:
        self._rows: Counter[LengthClass] = Counter()
        self._chars: Counter[LengthClass] = Counter()
        self._limits: Counter[LengthClass] = Counter()
        self._squares = 0

    def add(self, chars: int, max_tokens: int) -> None:
        """Count one row that an engine will answer."""
        kind = class_of(chars, max_tokens)
        self._rows[kind] += 1
        self._chars[kind] += chars
        self._limits[kind] = max(self._limits[kind], max_tokens)
        self._squares += chars * chars

    def merge(self, other: LengthTally) -> None:
        """Add what another one counted."""
        self._rows.update(other._rows)
        self._chars.update(other._chars)
        self._limits |= other._limits
        self._squares += other._squares

    @property
    def rows(self) -> int:
        """Rows counted."""
        return self._rows.total()

    @property
    def chars(self) -> int:
        """Characters counted."""
        return self._chars.total()

    @property
    def mean(self) -> float:
        """Characters of an average row; 0 without rows."""
        return self.chars / self.rows if self.rows else 0.0

    @property
    def deviation(self) -> float:
        """Standard deviation of the characters of a row."""
        return math.sqrt(max(0.0, self._squares / self.rows - self.mean**2)) if self.rows else 0.0

    def cells(self, scale: float = 1.0) -> tuple[LengthCell, ...]:
        """Return the rows by length, each count times ``scale``; a cell never disappears."""
        return tuple(
            LengthCell(
                bucket=kind.chars,
                limit=self._limits[kind],
                rows=max(1, round(rows * scale)),
                chars=max(1, round(rows * scale)) * self._chars[kind] // rows,
            )
            for kind, rows in sorted(self._rows.items())
        )

    def counted(self) -> InputSize:
        """Return the size of an input of which every row was added."""
        return self.size(self.rows, self.rows, self.rows, 0.0)

    def size(self, rows: int, low: int, high: int, doubt: float) -> InputSize:
        """Return the size of an input of ``rows`` rows like those that were added."""
        return InputSize(
            rows=rows,
            rows_low=low,
            rows_high=high,
            mean_chars=self.mean,
            chars_deviation=self.deviation,
            max_tokens=max(self._limits.values(), default=0),
            sampled_rows=self.rows,
            doubt=doubt,
            cells=self.cells(rows / self.rows) if self.rows else (),
        )
