"""When each open job is predicted to finish, and its deadline, on one axis of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from llmbatch.core.alerts import Level
from llmbatch.core.shown import shown
from llmbatch.gateway.pages.figures.figure import (
    BAND,
    BLUE,
    GREY,
    LEVEL_COLOURS,
    Figure,
    Trace,
    layout,
    lines,
    plain,
)
from llmbatch.gateway.pages.zone import Zone

MOST_JOBS = 30
"""Jobs of one figure."""
_NAME_CHARS = 26
_ROW_HEIGHT = 24
_FRAME_HEIGHT = 72
_LABELS_HEIGHT = 44
"""Of the times above the axis, with their date below them."""


@dataclass(frozen=True)
class Forecast:
    """One job.

    Attributes:
        name: of the run.
        deadline: until when it must be done.
        level: how urgent it is.
        words: the level in words.
        finish: P10, P50 and P90 of the finish of a job that has begun; None while they are unknown.
        queued: the predicted finish of one that waits; None while it is unknown.
    """

    name: str
    deadline: datetime
    level: Level
    words: str
    finish: tuple[datetime, datetime, datetime] | None = None
    queued: datetime | None = None


def timeline(jobs: Sequence[Forecast], more: int, now: datetime, zone: Zone) -> Figure | None:
    """Return the figure; None without a job.

    Args:
        jobs: at most ``MOST_JOBS``, the first one on top.
        more: open jobs that are left out.
        now: the current time.
        zone: of the reader.
    """
    if not jobs:
        return None
    names = [_name(job) for job in jobs]
    made = layout(
        is_time=True,
        height=_FRAME_HEIGHT + _ROW_HEIGHT * len(jobs),
        barmode="overlay",
        bargap=0.35,
        shapes=[
            {
                "type": "line", "x0": zone.stamp(now), "x1": zone.stamp(now), "yref": "paper", "y0": 0, "y1": 1,
                "line": {"color": GREY, "width": 1.5, "dash": "dot"}, "layer": "below",
            }
        ],
        annotations=[
            {
                "text": "now", "x": zone.stamp(now), "yref": "paper", "y": 0, "yanchor": "bottom", "xanchor": "left",
                "showarrow": False, "font": {"color": GREY},
            }
        ],
    )  # fmt: skip
    made["margin"] = {"t": _LABELS_HEIGHT}
    made["xaxis"] = {"type": "date", "side": "top"}
    made["yaxis"] = {
        "tickmode": "array",
        "tickvals": list(range(len(jobs))),
        "ticktext": list[JsonValue](names),
        "range": [len(jobs) - 0.5, -0.5],
        "showgrid": False,
        "zeroline": False,
    }
    return Figure(
        data=(_bands(jobs, zone), _medians(jobs, zone), _deadlines(jobs, zone)),
        layout=made,
        summary=_summary(jobs, more),
    )


def _bands(jobs: Sequence[Forecast], zone: Zone) -> Trace:
    found = [(n, job, job.finish) for n, job in enumerate(jobs) if job.finish is not None]
    return {
        "type": "bar",
        "orientation": "h",
        "y": [n for n, _, _ in found],
        "base": [zone.stamp(finish[0]) for _, _, finish in found],
        "x": [round(1000 * (finish[2] - finish[0]).total_seconds()) for _, _, finish in found],
        "marker": {"color": BAND, "line": {"color": BLUE, "width": 1}},
        "hovertext": [_text(job, zone) for _, job, _ in found],
        "hoverinfo": "text",
        "textposition": "none",
    }


def _medians(jobs: Sequence[Forecast], zone: Zone) -> Trace:
    found = [(n, job, job.finish[1] if job.finish is not None else job.queued) for n, job in enumerate(jobs)]
    known = [(n, job, at) for n, job, at in found if at is not None]
    return {
        "type": "scatter",
        "mode": "markers",
        "y": [n for n, _, _ in known],
        "x": [zone.stamp(at) for _, _, at in known],
        "marker": {
            "size": 9,
            "color": [BLUE if job.finish is not None else GREY for _, job, _ in known],
            "symbol": ["circle" if job.finish is not None else "circle-open" for _, job, _ in known],
        },
        "hovertext": [_text(job, zone) for _, job, _ in known],
        "hoverinfo": "text",
    }


def _deadlines(jobs: Sequence[Forecast], zone: Zone) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "y": list(range(len(jobs))),
        "x": [zone.stamp(job.deadline) for job in jobs],
        "marker": {
            "size": 11,
            "symbol": "diamond",
            "color": [LEVEL_COLOURS[job.level] for job in jobs],
        },
        "hovertext": [_text(job, zone) for job in jobs],
        "hoverinfo": "text",
    }


def _text(job: Forecast, zone: Zone) -> str:
    """Return what a pointer over any mark of a job shows."""
    if job.finish is not None:
        p10, p50, p90 = (zone.text(at) for at in job.finish)
        predicted = f"finish (P50): {p50}<br>P10 to P90: {p10} to {p90}"
    elif job.queued is not None:
        predicted = f"queued; predicted finish (P50): {zone.text(job.queued)}"
    else:
        predicted = "finish: not known yet"
    return lines(plain(job.name, 80), plain(job.words), predicted, f"deadline: {zone.text(job.deadline)}")


def _name(job: Forecast) -> str:
    """Return a name that fits beside the axis: its beginning and its end, which differ between runs of one kind."""
    whole = shown(job.name, 250)
    half = _NAME_CHARS // 2
    return plain(whole if len(whole) <= _NAME_CHARS else f"{whole[:half]}\N{HORIZONTAL ELLIPSIS}{whole[-half:]}")


def _summary(jobs: Sequence[Forecast], more: int) -> str:
    late = sum(job.finish is not None and job.finish[1] > job.deadline for job in jobs)
    unknown = sum(job.finish is None and job.queued is None for job in jobs)
    left = f" {more} less urgent jobs are left out." if more else ""
    return (
        f"Predicted finish and deadline of {len(jobs)} open jobs. The P50 of {late} of them is after the deadline; "
        f"for {unknown} no finish is known yet.{left} The table below has the numbers."
    )
