"""Where a job's time went: seconds by phase, as one bar."""

from __future__ import annotations

from collections.abc import Mapping

from llmbatch.core.durations import duration
from llmbatch.gateway.pages.figures.figure import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    Figure,
    Trace,
    layout,
    lines,
    plain,
)

_PHASES: Mapping[str, tuple[str, str, str]] = {
    "stage": ("stage", "#2a8c9e", "the input is read and cut into shards"),
    "queued": ("queued", GREY, "from the acceptance of the job to the start of its Ray job, staging included"),
    "cluster": ("cluster", PURPLE, "the Ray job waits for its replicas"),
    "model_load": ("model load", ORANGE, "engines load the model"),
    "work": ("work", BLUE, "engines answer rows"),
    "tail": ("tail", "#8fb8ea", "the last rows are in engines, and no row waits"),
    "publish": ("publish", GREEN, "results are checked and delivered"),
}
"""Name, colour and meaning, in the order of time."""

_MOST_OTHERS = 5
_UNITS = ((3600.0, "hours"), (60.0, "minutes"))
_FEWEST = 2.0
"""Units that a bar has at least."""


def phases(seconds: Mapping[str, float], generations: int = 1) -> Figure | None:
    """Return one bar of all phases; None before the first second.

    Args:
        seconds: by phase.
        generations: over which they are summed.
    """
    others = [name for name in seconds if name not in _PHASES][:_MOST_OTHERS]
    known = [(name, seconds[name]) for name in (*_PHASES, *others) if seconds.get(name, 0) > 0]
    total = sum(each for _, each in known)
    if not known:
        return None
    unit, unit_name = next((each for each in _UNITS if total >= _FEWEST * each[0]), (1.0, "seconds"))
    data = tuple(_bar(name, each, unit, total) for name, each in known)
    shown = layout(
        x=f"{unit_name}, {generations} generations together" if generations > 1 else unit_name,
        barmode="stack",
        showlegend=True,
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        yaxis={"visible": False, "fixedrange": True},
    )
    of = f" in {generations} generations" if generations > 1 else ""
    parts = ", ".join(f"{_name(name)} {duration(each)}" for name, each in known)
    return Figure(data=data, layout=shown, summary=f"{duration(total)}{of}: {parts}.")


def _bar(name: str, seconds: float, unit: float, total: float) -> Trace:
    _, colour, meaning = _PHASES.get(name, ("", RED, ""))
    text = lines(f"{_name(name)} {duration(seconds)}, {100 * seconds / total:.0f} %", meaning)
    return {
        "type": "bar", "orientation": "h", "name": _name(name), "x": [round(seconds / unit, 4)], "y": [""],
        "width": [0.6], "marker": {"color": colour}, "hovertext": text, "hoverinfo": "text",
    }  # fmt: skip


def _name(name: str) -> str:
    return _PHASES[name][0] if name in _PHASES else plain(name, 40)
