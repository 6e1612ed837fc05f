"""The drain at the end: when nothing waits any more, engines empty and the last rows decode almost alone."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from llmbatch.core.eta.lengths import OutputLengths
from llmbatch.core.eta.reach import UNKNOWN, Reach
from llmbatch.core.length_cells import LengthCell

_POINTS = 24
_LAST_ROW = 0.7
"""The longest of the last rows is where fewer than this many are expected to be left (about the median)."""


@dataclass(frozen=True)
class Drain:
    """The last rows in flight: how many, and the tokens that their mean and their longest still take."""

    rows: float
    mean_tokens: float
    longest_tokens: float


def drain(cells: Sequence[LengthCell], lengths: OutputLengths, reach: Reach, slots: float) -> Drain:
    """Describe the drain of a job that decodes ``slots`` rows together.

    The last rows are those in flight now that are longer than what all slots write until no row waits, and rows that
    begin until then, each caught somewhere on its way. Where rows of 50 tokens wait, 640 for 64 slots, one in flight is
    500 tokens further when the last of them begins.
    """
    left = [(cell, lengths.law(cell)) for cell in cells if cell.left]
    rows = sum(cell.left for cell, _ in left)
    if not rows:
        return Drain(0.0, 0.0, 0.0)
    top = max(law.limit for _, law in left)
    grid = [top * (n / _POINTS) ** 2 for n in range(_POINTS + 1)]
    areas = _areas(grid, [sum(cell.waiting * law.survival(x) for cell, law in left) for x in grid])
    ahead, last = areas[0] / slots, min(slots, float(rows))
    running = [
        (cell.running * share / max(1e-9, law.survival(done)), done + ahead, law)
        for cell, law in left
        if cell.running
        for done, share in reach.get(cell.key, UNKNOWN).points
    ]
    curve = [
        (area - _at(grid, areas, x + ahead)) / max(ahead, 1e-9)
        + sum(count * law.survival(x + done) for count, done, law in running)
        for x, area in zip(grid, areas, strict=True)
    ]
    return Drain(last, _areas(grid, curve)[0] / last, _last(grid, curve))


def _at(grid: Sequence[float], curve: Sequence[float], place: float) -> float:
    """Value of a curve at a place, between the points; beyond the last point it is 0."""
    after = bisect.bisect_right(grid, place)
    if after >= len(grid):
        return 0.0
    share = (place - grid[after - 1]) / (grid[after] - grid[after - 1])
    return curve[after - 1] + share * (curve[after] - curve[after - 1])


def _areas(grid: Sequence[float], curve: Sequence[float]) -> list[float]:
    """Return the area under the curve from each point on."""
    areas = [0.0]
    for n in range(len(grid) - 1, 0, -1):
        areas.append(areas[-1] + (grid[n] - grid[n - 1]) * (curve[n] + curve[n - 1]) / 2)
    return areas[::-1]


def _last(grid: Sequence[float], curve: Sequence[float]) -> float:
    """Where a falling curve passes below one row, between the points."""
    for n in range(len(grid) - 1):
        if curve[n + 1] < _LAST_ROW:
            drop = curve[n] - curve[n + 1]
            part = (curve[n] - _LAST_ROW) / drop if drop > 0 and curve[n] > _LAST_ROW else 0.0
            return grid[n] + part * (grid[n + 1] - grid[n])
    return grid[-1]
