"""The drain at the end: when nothing waits any more, engines empty and the last rows decode almost alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from llmbatch.core.eta import capped_lognormal
from llmbatch.core.eta.lengths import OutputLengths
from llmbatch.core.eta.reach import UNKNOWN, Reach
from llmbatch.core.length_cells import LengthCell

_POINTS = 20
_LAST_ROW = 0.7
"""The longest of the last rows is where fewer than this many are expected to be left (about the median)."""
_TAIL_OF_LENGTHS = 4.0


@dataclass(frozen=True)
class Drain:
    """The last rows in flight: how many, and the tokens that their mean and their longest still take."""

    rows: float
    mean_tokens: float
    longest_tokens: float


def drain(cells: Sequence[LengthCell], lengths: OutputLengths, reach: Reach, slots: float) -> Drain:
    """Describe the drain of a job that decodes ``slots`` rows together.

    While rows wait, the last rows are yet unknown ones of those left, each caught somewhere on its way. Without
    waiting rows they are those in flight, each as far as it is.
    """
    left = [cell for cell in cells if cell.left]
    rows = sum(cell.left for cell in left)
    if not rows:
        return Drain(0.0, 0.0, 0.0)
    waiting = rows > slots
    spread = lengths.spread
    known = [(cell, lengths.log_mean(cell), float(cell.limit)) for cell in left]
    top = max(min(cap, math.exp(log + _TAIL_OF_LENGTHS * spread)) for _, log, cap in known)
    step = top / _POINTS
    grid = [step * n for n in range(_POINTS + 1)]

    def begun(length: float) -> float:
        return sum(
            cell.left * capped_lognormal.survival(log, spread, length) for cell, log, cap in known if length <= cap
        )

    def under_way(length: float) -> float:
        total = 0.0
        for cell, log, cap in known:
            for done in reach.get(cell.key, UNKNOWN):
                if length + done < cap:
                    alive = max(1e-9, capped_lognormal.survival(log, spread, done))
                    later = capped_lognormal.survival(log, spread, length + done)
                    total += cell.left / 2 * later / alive
        return total

    if not waiting:
        curve = [under_way(x) for x in grid]
        return Drain(rows, _area(curve, step) / rows, _last(curve, step))
    alive = [begun(x) for x in grid]
    rest = [_area(alive[n:], step) for n in range(len(alive))]
    whole = rest[0] or 1.0
    curve = [slots * value / whole for value in rest]
    return Drain(slots, _area(curve, step) / slots, _last(curve, step))


def _area(curve: Sequence[float], step: float) -> float:
    return step * (sum(curve) - (curve[0] + curve[-1]) / 2) if len(curve) > 1 else 0.0


def _last(curve: Sequence[float], step: float) -> float:
    """Where a falling curve passes below one row, between the points."""
    for n in range(len(curve) - 1):
        if curve[n + 1] < _LAST_ROW:
            drop = curve[n] - curve[n + 1]
            part = (curve[n] - _LAST_ROW) / drop if drop > 0 and curve[n] > _LAST_ROW else 0.0
            return step * (n + part)
    return step * (len(curve) - 1)
