"""Throughput and latency of a job over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from llmbatch.core.eta.trace import TracePoint
from llmbatch.gateway.pages.figures.course import Course, Generation, Line, legend, line_of, time_layout
from llmbatch.gateway.pages.figures.figure import BLUE, ORANGE, PURPLE, Figure, Trace, lines
from llmbatch.gateway.pages.zone import Zone

_STEPS = 80
"""Steps into which the time of a job is cut: rates of shorter ones would show single rows."""
_LEAST_STEP = 10.0
"""Seconds of a step, unless the job is shorter than ``_FEWEST_STEPS`` of them."""
_FEWEST_STEPS = 10


@dataclass(frozen=True)
class _Step:
    """What happened between two estimates.

    Attributes:
        rows_per_second: rows that got an outcome; 0 if rows of a lost replica run again and no more got one.
        tokens_per_second: mean of what engines wrote; None if unknown.
        last: the estimate at its end.
    """

    begin: datetime
    end: datetime
    rows_per_second: float
    tokens_per_second: float | None
    last: TracePoint

    @property
    def middle(self) -> datetime:
        return self.begin + (self.end - self.begin) / 2


def rates(course: Course, zone: Zone) -> Figure | None:
    """Return rows and output tokens a second, on two axes; None before a generation has two estimates."""
    steps = _steps(course)
    if not course.rows or not steps:
        return None

    def told(step: _Step, number: int) -> str:
        return _told(step, number, zone)

    by_rows = line_of(steps, zone, _middle, lambda step: float(f"{step.rows_per_second:.4g}"), told)
    by_tokens = line_of(steps, zone, _middle, lambda step: step.tokens_per_second, told)
    data = [_trace("rows/s", BLUE, by_rows)]
    layout = time_layout(course, zone, "rows/s")
    if not by_tokens.is_empty:
        data.append({**_trace("output tokens/s", PURPLE, by_tokens), "yaxis": "y2"})
        layout |= {"showlegend": True, "legend": legend()}
        layout["yaxis2"] = {
            "title": {"text": "output tokens/s", "standoff": 8}, "overlaying": "y", "side": "right",
            "rangemode": "tozero", "showgrid": False, "automargin": False, "tickmode": "auto",
            "nticks": 5, "tickformat": "~s",
        }  # fmt: skip
    return Figure(data=tuple(data), layout=layout, summary=_summary(steps))


def latency(course: Course, zone: Zone) -> Figure | None:
    """Return P95 of the time from a row's admission to its answer; None if no estimate has one."""

    def told(point: TracePoint, number: int) -> str:
        words = f"P95 {_number(point.latency_p95 or 0)} s of the rows so far"
        return lines(zone.text(point.at), words, f"generation {number}")

    line = line_of(course.generations, zone, lambda point: point.at, lambda point: point.latency_p95, told)
    known = [point.latency_p95 for point in course.points if point.latency_p95 is not None]
    if not known:
        return None
    layout = time_layout(course, zone, "latency P95, s")
    ends = f"{_number(known[-1])} s at last, {_number(max(known))} s at most"
    summary = f"Latency P95 of the rows of a generation so far: {ends}."
    return Figure(data=(_trace("P95", ORANGE, line),), layout=layout, summary=summary)


def _steps(course: Course) -> tuple[Generation[_Step], ...]:
    points = course.points
    if not points:
        return ()
    span = (points[-1].at - points[0].at).total_seconds()
    least = max(span / _STEPS, min(_LEAST_STEP, span / _FEWEST_STEPS))
    cut = [Generation(each.number, tuple(_cut(each.items, least, course.rows))) for each in course.generations]
    return tuple(each for each in cut if each.items)


def _cut(points: tuple[TracePoint, ...], least: float, rows: int) -> Iterator[_Step]:
    """Yield steps of at least so many seconds; the last one may be shorter."""
    begin = points[0]
    tokens: list[float] = []
    for n, point in enumerate(points[1:], 2):
        if point.output_tokens_per_second is not None:
            tokens.append(point.output_tokens_per_second)
        seconds = (point.at - begin.at).total_seconds()
        if seconds <= 0 or (seconds < least and n < len(points)):
            continue
        rate = max(0.0, point.rows - begin.rows) * rows / seconds
        mean = round(sum(tokens) / len(tokens), 2) if tokens else None
        yield _Step(begin.at, point.at, rate, mean, point)
        begin, tokens = point, []


def _told(step: _Step, number: int, zone: Zone) -> str:
    last, tokens = step.last, step.tokens_per_second
    return lines(
        f"{zone.text(step.begin)} to {zone.text(step.end)}",
        f"{_number(step.rows_per_second)} rows/s",
        "" if tokens is None else f"{_number(tokens)} output tokens/s",
        "" if last.running is None else f"{last.running:,} rows in engines, {100 * last.rows:.1f} % done",
        f"{last.failed:,} rows failed so far" if last.failed else "",
        f"generation {number}",
    )


def _summary(steps: tuple[Generation[_Step], ...]) -> str:
    every = [step for each in steps for step in each.items]
    last, most = every[-1], max(every, key=lambda step: step.rows_per_second)
    text = f"{_number(last.rows_per_second)} rows/s at last, {_number(most.rows_per_second)} rows/s at most"
    known = [step.tokens_per_second for step in every if step.tokens_per_second is not None]
    if known:
        text += f"; {_number(known[-1])} output tokens/s at last, {_number(max(known))} at most"
    return f"{text}."


def _middle(step: _Step) -> datetime:
    return step.middle


def _trace(name: str, colour: str, line: Line) -> Trace:
    return {
        "type": "scatter", "name": name, "mode": "lines+markers", "line": {"color": colour, "width": 2},
        "marker": {"size": 3}, "x": line.x, "y": line.y, "hovertext": line.text, "hoverinfo": "text",
    }  # fmt: skip


def _number(value: float) -> str:
    """Return a number with three digits that matter: 1,234 or 12.3 or 0.123."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
