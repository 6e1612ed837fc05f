"""How far rows in flight are, by length cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from llmbatch.core.length_cells import CellKey, LengthCell

Reach = Mapping[CellKey, tuple[float, float]]
"""Tokens so far by cell key: half of a cell's rows in flight stand at the first number, the others at the second."""

UNKNOWN = (0.0, 0.0)

_MOST = 0.95
"""Part of its limit that a row in flight is believed to have at most: it has not ended."""


def reach_of(cells: Sequence[LengthCell], pace: float) -> Reach:
    """Return how far rows are at ``pace`` tokens per second, from mean and deviation of their ages.

    Two numbers and not their mean: what an old row and a young row still take is more than two middle-aged rows take.
    Ages of 10 and 30 s at 2 tokens/s are 20 and 60 tokens.
    """
    found = {}
    for cell in cells:
        if cell.running:
            age = cell.running_seconds / cell.running
            deviation = math.sqrt(max(0.0, cell.running_seconds_squared / cell.running - age * age))
            young, old = max(0.0, age - deviation), age + deviation
            most = _MOST * cell.limit
            found[cell.key] = (min(most, young * pace), min(most, old * pace))
    return found
