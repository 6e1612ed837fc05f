"""The shards of a job as a strip: which wait, run, are committed, or ran again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from pydantic import JsonValue

from llmbatch.core.layout import JobLayout
from llmbatch.gateway.pages.figures.figure import BLUE, GREEN, ORANGE, PURPLE, Figure, Trace, layout, lines

MOST_CELLS = 400
MOST_SHARDS = 10_000_000
"""More than a job may have; a number above it is not of llmbatch."""
_LONGEST_ID = 20


class ShardState(IntEnum):
    """What a shard does."""

    WAITING = 0
    RUNNING = 1
    RUNS_AGAIN = 2
    COMMITTED = 3
    COMMITTED_BEFORE = 4
    COMMITTED_AGAIN = 5


_PALE = "rgba(138, 143, 152, 0.35)"
_SHOWN = (
    (ShardState.COMMITTED_BEFORE, "committed by an earlier generation", "#1d6b4b"),
    (ShardState.COMMITTED, "committed", GREEN),
    (ShardState.COMMITTED_AGAIN, "committed, ran again", PURPLE),
    (ShardState.RUNNING, "running", BLUE),
    (ShardState.RUNS_AGAIN, "runs again", ORANGE),
    (ShardState.WAITING, "waiting", _PALE),
)
"""From the bottom of a cell to its top."""


@dataclass(frozen=True)
class Shards:
    """The shards of a job.

    Attributes:
        states: a ``ShardState`` for each shard, in the order of the input.
        rows_redone: rows of the last generation that ran again, because their replica died; None if unknown.
        is_complete: whether all running shards are known, and all that ran again.
    """

    states: bytes
    rows_redone: int | None = None
    is_complete: bool = True


def committed_states(total: int, committed: Iterable[str], before: Iterable[str] = ()) -> bytes:
    """Return a ``ShardState`` for each shard; ids of no shard of the job are passed over.

    Args:
        total: number of shards, at most ``MOST_SHARDS``.
        committed: ids of those that are committed.
        before: those of them that an earlier generation committed.
    """
    states = bytearray(min(total, MOST_SHARDS))
    _put(states, committed, {ShardState.WAITING: ShardState.COMMITTED})
    _put(states, before, {ShardState.COMMITTED: ShardState.COMMITTED_BEFORE})
    return bytes(states)


def marked(states: bytes, running: Iterable[str], redone: Iterable[str]) -> bytes:
    """Return the states with the shards of which a row has begun, and those that ran again as a replica died."""
    found = bytearray(states)
    _put(found, running, {ShardState.WAITING: ShardState.RUNNING})
    _put(found, redone, _AGAIN)
    return bytes(found)


_AGAIN = {
    ShardState.WAITING: ShardState.RUNS_AGAIN,
    ShardState.RUNNING: ShardState.RUNS_AGAIN,
    ShardState.COMMITTED: ShardState.COMMITTED_AGAIN,
    ShardState.COMMITTED_BEFORE: ShardState.COMMITTED_AGAIN,
}


def _put(states: bytearray, ids: Iterable[str], change: Mapping[ShardState, ShardState]) -> None:
    for shard_id in ids:
        place = place_of(shard_id)
        if place is not None and place < len(states):
            state = ShardState(states[place])
            states[place] = change.get(state, state)


def place_of(shard_id: str) -> int | None:
    """Return the place of a shard in the input, from 0; None for any other text."""
    if len(shard_id) > _LONGEST_ID or JobLayout.shard_of(f"{shard_id}.parquet") != shard_id:
        return None
    return int(shard_id.removeprefix("shard-"))


def shards(found: Shards) -> Figure | None:
    """Return a cell for each shard, or for each of up to ``MOST_CELLS`` groups of as many shards."""
    total = len(found.states)
    if not total:
        return None
    size = -(-total // MOST_CELLS)
    cells = [found.states[at : at + size] for at in range(0, total, size)]
    texts: list[JsonValue] = [_told(n * size, cell) for n, cell in enumerate(cells)]
    data: list[Trace] = []
    for state, name, colour in _SHOWN:
        parts: list[JsonValue] = [cell.count(state) for cell in cells]
        if any(parts):
            trace: Trace = {
                "type": "bar", "name": name, "x0": size / 2 - 0.5, "dx": size, "y": parts, "width": size,
                "marker": {"color": colour, "line": {"width": 0}}, "hovertext": texts, "hoverinfo": "text",
            }  # fmt: skip
            data.append(trace)
    shown = layout(
        barmode="stack",
        bargap=0,
        showlegend=True,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        yaxis={"visible": False, "fixedrange": True, "range": [0, size]},
    )
    title = "shard" if size == 1 else f"shard; a cell is {size} shards"
    shown["xaxis"] = {"title": {"text": title}, "range": [-0.5, total - 0.5], "showgrid": False}
    return Figure(data=tuple(data), layout=shown, summary=_summary(found))


def _told(first: int, cell: bytes) -> str:
    counts = [f"{cell.count(state)} {name}" for state, name, _ in _SHOWN if state in cell]
    if len(cell) == 1:
        return f"shard {first} {counts[0].removeprefix('1 ')}"
    return lines(f"shards {first} to {first + len(cell) - 1}", *counts)


def _summary(found: Shards) -> str:
    states = found.states
    committed = sum(states.count(state) for state in ShardState if state >= ShardState.COMMITTED)
    parts = [f"{committed:,} of {len(states):,} shards committed, {100 * committed / len(states):.1f} %."]
    others = {
        "running": states.count(ShardState.RUNNING) + states.count(ShardState.RUNS_AGAIN),
        "waiting": states.count(ShardState.WAITING),
    }
    parts += [f"{count:,} {name}." for name, count in others.items() if count]
    again = states.count(ShardState.RUNS_AGAIN) + states.count(ShardState.COMMITTED_AGAIN)
    if again or found.rows_redone:
        rows = "" if found.rows_redone is None else f" with {found.rows_redone:,} rows"
        parts.append(f"{again:,} ran again{rows}, because a replica died.")
    if not found.is_complete:
        parts.append("A heartbeat names at most 64 of the shards that run and of those that ran again.")
    return " ".join(parts)
