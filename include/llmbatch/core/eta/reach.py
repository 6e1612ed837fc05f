"""How far rows in flight are, by length cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from llmbatch.core.length_cells import CellKey, LengthCell


class Reached(NamedTuple):
    """Tokens so far of a cell's rows in flight: a share ``ahead`` of them has ``old``, the others have ``young``."""

    young: float = 0.0
    old: float = 0.0
    ahead: float = 0.5

    @property
    def mean(self) -> float:
        """Tokens so far of an average row."""
        return (1 - self.ahead) * self.young + self.ahead * self.old

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """Tokens so far with the share of the rows that have them."""
        return (self.young, 1 - self.ahead), (self.old, self.ahead)


Reach = Mapping[CellKey, Reached]
"""How far rows in flight are, by cell key."""

UNKNOWN = Reached()

_MOST = 0.95
"""Part of its limit that a row in flight is believed to have at most: it has not ended."""


def reach_of(cells: Sequence[LengthCell], pace: float) -> Reach:
    """Return how far rows are at ``pace`` tokens per second, from mean and deviation of their ages.

    Two numbers and not their mean: what an old row and a young row still take is more than two middle-aged rows take.
    Ages of 10 and 30 s at 2 tokens/s are 20 and 60 tokens. Where ages deviate from their mean by more than it is, a
    few rows are old and the others have just begun: mean and deviation of 15 rows of 0 s and one of 32 s give just
    these.
    """
    found = {}
    for cell in cells:
        if cell.running:
            age = cell.running_seconds / cell.running
            deviation = math.sqrt(max(0.0, cell.running_seconds_squared / cell.running - age * age))
            ahead = min(0.5, age * age / (age * age + deviation * deviation)) if age > 0 else 0.5
            lead = math.sqrt((1 - ahead) / ahead)
            young, old = max(0.0, age - deviation / lead), age + deviation * lead
            most = _MOST * cell.limit
            found[cell.key] = Reached(min(most, young * pace), min(most, old * pace), ahead)
    return found
