"""A line of the rates of one running job, so small that it has no axes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from llmbatch.core.durations import duration
from llmbatch.core.eta.trace import TracePoint
from llmbatch.gateway.pages.figures.figure import BLUE, Figure

MOST_POINTS = 60
"""Rates of one line, the newest ones; a point is kept every half minute, more seldom in a long job."""

_LEAST_SECONDS = 1.0
_HIDDEN = {"visible": False, "fixedrange": True}


def rates_of(points: Sequence[TracePoint], rows: int) -> list[tuple[float, float]]:
    """Return seconds and rows a second of each time between two points. 0 of 100 rows, 30 s later 60: (30, 2.0).

    Args:
        points: by time. Between two generations, rows without a commit are taken back: there is no rate then.
        rows: all rows of the job.
    """
    found = []
    for before, after in pairwise(points):
        seconds = (after.at - before.at).total_seconds()
        if seconds >= _LEAST_SECONDS and after.rows >= before.rows:
            found.append((seconds, (after.rows - before.rows) * rows / seconds))
    return found[-MOST_POINTS:]


def spark(points: Sequence[TracePoint], rows: int) -> Figure | None:
    """Return the line; None for a job with fewer than two rates.

    Args:
        points: the estimates of the job by time, of all generations.
        rows: all rows of the job.
    """
    rates = rates_of(points, rows)
    if len(rates) < 2:
        return None
    values = [round(rate, 3) for _, rate in rates]
    span = sum(seconds for seconds, _ in rates)
    line = {
        "type": "scatter",
        "mode": "lines",
        "y": values,
        "line": {"color": BLUE, "width": 1.5, "shape": "linear"},
        "fill": "tozeroy",
        "fillcolor": "rgba(59, 130, 214, 0.14)",
        "hoverinfo": "skip",
    }
    return Figure(
        data=(line,),
        layout={
            "xaxis": dict(_HIDDEN),
            "yaxis": {**_HIDDEN, "range": [0, max(1e-9, 1.08 * max(values))]},
            "showlegend": False,
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        },
        summary=f"Rows a second in the last {duration(span)}: {min(values):.2f} to {max(values):.2f}, "
        f"now {values[-1]:.2f}.",
    )
