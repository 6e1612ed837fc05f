"""The ETA fan: each estimate of the finish, at the time at which it was made, against the deadline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from llmbatch.core.clock import later
from llmbatch.core.durations import duration
from llmbatch.core.eta.trace import TracePoint
from llmbatch.gateway.pages.figures.course import Course, legend, line_of, time_layout
from llmbatch.gateway.pages.figures.figure import BAND, BLUE, GREEN, GREY, RED, Figure, Trace, lines, wrapped
from llmbatch.gateway.pages.zone import Zone

_FAR = 3.0
"""A deadline that is more than this many heights of the fan away from it is not drawn to scale."""
_USUAL = 0.9
"""Part of the estimates that fit into the figure. A few of the first ones may be of days."""
_LEAST_HEIGHT = 60.0
"""Seconds."""
_TICK_FORMATS = ((0.2, "%H:%M:%S"), (18.0, "%H:%M"), (120.0, "%a %H:%M"), (8760.0, "%d %b"))
"""Most hours from the submission to the top of the vertical axis, and how its times are written."""


def fan(course: Course, zone: Zone) -> Figure | None:
    """Return the fan; None before the first estimate.

    A deadline far from the estimates would flatten them. It is then a note at the edge.
    """
    known = [point for point in course.points if point.seconds is not None]
    if not known:
        return None
    frame = _frame(course)
    line = line_of(course.generations, zone, _made_at, lambda point: _stamp(point, zone), _Teller(course, zone).text)
    data: list[Trace] = [
        {"type": "scatter", "name": "P10 to P90", "mode": "lines", "fill": "toself", "fillcolor": BAND,
         "line": {"width": 0}, "hoverinfo": "skip", **_band(course, zone)},
        {"type": "scatter", "name": "P50", "mode": "lines+markers", "line": {"color": BLUE, "width": 2},
         "marker": {"size": 4}, "x": line.x, "y": line.y, "hovertext": line.text, "hoverinfo": "text"},
    ]  # fmt: skip
    data += [*_unknown(course, zone, frame.bottom), *_finish(course, zone)]
    shapes, notes = _deadline(course, zone, frame)
    layout = time_layout(course, zone, "predicted finish", showlegend=True, legend=legend())
    layout["shapes"] = [*_listed(layout["shapes"]), *shapes]
    layout["annotations"] = [*_listed(layout["annotations"]), *notes]
    layout["yaxis"] = {
        "title": {"text": "predicted finish", "standoff": 8}, "type": "date", "automargin": False, "nticks": 6,
        "range": [zone.stamp(frame.bottom), zone.stamp(frame.top)], "tickformat": _tick_format(course, frame),
    }  # fmt: skip
    return Figure(data=tuple(data), layout=layout, summary=_summary(course, zone, known))


@dataclass(frozen=True)
class _Frame:
    bottom: datetime
    top: datetime
    is_deadline_above: bool
    is_deadline_below: bool


def _frame(course: Course) -> _Frame:
    """Return what the vertical axis shows."""
    early: list[float] = []
    late: list[float] = []
    for point in course.points:
        if point.seconds is not None:
            made = course.seconds(point.at)
            early.append(made + point.seconds[0])
            late.append(made + point.seconds[2])
    ends = [] if course.finished_at is None else [course.seconds(course.finished_at)]
    low, high = min(*early, *ends, late[-1]), max(_usual(late), late[-1], *ends)
    height, deadline = max(high - low, _LEAST_HEIGHT), course.seconds(course.deadline)
    is_above, is_below = deadline > high + _FAR * height, deadline < low - _FAR * height
    if not is_above and not is_below:
        low, high = min(low, deadline), max(high, deadline)
    rim = 0.08 * max(high - low, _LEAST_HEIGHT)
    bottom, top = later(course.created_at, max(low - rim, -_LEAST_HEIGHT)), later(course.created_at, high + rim)
    return _Frame(bottom, top, is_above, is_below)


def _tick_format(course: Course, frame: _Frame) -> str:
    """Return a format of few characters, for there is no more place."""
    hours = course.seconds(frame.top) / 3600
    return next((text for most, text in _TICK_FORMATS if hours <= most), "%b %Y")


def _usual(values: Sequence[float]) -> float:
    return sorted(values)[int(_USUAL * (len(values) - 1))]


class _Teller:
    """Says what was estimated then, and why."""

    def __init__(self, course: Course, zone: Zone) -> None:
        self._course, self._zone = course, zone

    def text(self, point: TracePoint, generation: int) -> str:
        zone, rows = self._zone, f"{100 * point.rows:.1f} % of the rows, {_count(point.replicas, 'replica')}"
        head = f"said at {zone.text(point.at)}"
        if point.seconds is None:
            return lines(head, "no estimate", wrapped(point.reason), rows, f"generation {generation}")
        p10, p50, p90 = (later(point.at, seconds) for seconds in point.seconds)
        return lines(
            head,
            f"finish {zone.text(p50)}",
            _compared(p50, self._course.deadline),
            f"P10 {zone.text(p10)}",
            f"P90 {zone.text(p90)}",
            wrapped(point.reason),
            rows,
            f"generation {generation}",
        )


def _band(course: Course, zone: Zone) -> dict[str, JsonValue]:
    """Return the outline from P10 to P90: one closed polygon for each run of known estimates."""
    x: list[JsonValue] = []
    y: list[JsonValue] = []
    for run in _runs(course):
        x += [*(zone.stamp(at) for at, _ in run), *(zone.stamp(at) for at, _ in reversed(run)), None]
        y += [zone.stamp(later(at, seconds[0])) for at, seconds in run]
        y += [*(zone.stamp(later(at, seconds[2])) for at, seconds in reversed(run)), None]
    return {"x": x[:-1], "y": y[:-1]}


def _runs(course: Course) -> Iterator[list[tuple[datetime, tuple[float, float, float]]]]:
    for generation in course.generations:
        run: list[tuple[datetime, tuple[float, float, float]]] = []
        for point in generation.items:
            if point.seconds is not None:
                run.append((point.at, point.seconds))
            elif run:
                yield run
                run = []
        if run:
            yield run


def _unknown(course: Course, zone: Zone, bottom: datetime) -> list[Trace]:
    """Return marks at the lower edge for the times at which there was no estimate."""
    tell = _Teller(course, zone).text
    none = [(each, run.number) for run in course.generations for each in run.items if each.seconds is None]
    if not none:
        return []
    marks: Trace = {
        "type": "scatter", "name": "no estimate", "mode": "markers", "hoverinfo": "text", "cliponaxis": False,
        "marker": {"symbol": "x", "size": 6, "color": GREY},
        "x": [zone.stamp(point.at) for point, _ in none], "y": [zone.stamp(bottom)] * len(none),
        "hovertext": [tell(point, number) for point, number in none],
    }  # fmt: skip
    return [marks]


def _finish(course: Course, zone: Zone) -> list[Trace]:
    if course.finished_at is None:
        return []
    at, colour = zone.stamp(course.finished_at), GREEN if course.finished_at <= course.deadline else RED
    return [
        {"type": "scatter", "name": "finished", "mode": "markers", "x": [at], "y": [at], "hoverinfo": "text",
         "marker": {"symbol": "star", "size": 13, "color": colour}, "cliponaxis": False,
         "hovertext": f"finished {zone.text(course.finished_at)}, {_compared(course.finished_at, course.deadline)}"},
    ]  # fmt: skip


def _deadline(course: Course, zone: Zone, frame: _Frame) -> tuple[list[JsonValue], list[JsonValue]]:
    """Return the line of the deadline and its name; only the name at an edge if it is far away."""
    note: dict[str, JsonValue] = {
        "x": 0.01, "xref": "paper", "xanchor": "left", "showarrow": False, "font": {"color": RED},
        "text": f"deadline {zone.text(course.deadline)}",
    }  # fmt: skip
    if frame.is_deadline_above:
        return [], [{**note, "y": 1, "yref": "paper", "yanchor": "top", "text": f"{note['text']}, far above \u2191"}]
    if frame.is_deadline_below:
        return [], [{**note, "y": 0, "yref": "paper", "yanchor": "bottom", "text": f"{note['text']}, far below \u2193"}]
    y = zone.stamp(course.deadline)
    line: JsonValue = {
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": {"color": RED, "width": 2},
    }  # fmt: skip
    return [line], [{**note, "y": y, "yanchor": "bottom"}]


def _summary(course: Course, zone: Zone, known: Sequence[TracePoint]) -> str:
    of = f"{_count(len(known), 'estimate')} of {_count(len(course.generations), 'generation')}"
    if course.finished_at is not None:
        end = f"Finished {zone.text(course.finished_at)}, {_compared(course.finished_at, course.deadline)}"
    else:
        last = known[-1]
        p10, p50, p90 = (zone.text(later(last.at, seconds)) for seconds in last.seconds or (0, 0, 0))
        words = _compared(_p50(last), course.deadline)
        end = f"The latest estimate, of {zone.text(last.at)}, is a finish at {p50}, {words}, between {p10} and {p90}"
    return f"{end}. The deadline is {zone.text(course.deadline)}. {of}."


def _compared(at: datetime, deadline: datetime) -> str:
    """Return ``10 min before the deadline``."""
    left: timedelta = deadline - at
    seconds = left.total_seconds()
    return f"{duration(abs(seconds))} {'before' if seconds >= 0 else 'after'} the deadline"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _made_at(point: TracePoint) -> datetime:
    return point.at


def _p50(point: TracePoint) -> datetime:
    return later(point.at, 0.0 if point.seconds is None else point.seconds[1])


def _stamp(point: TracePoint, zone: Zone) -> str | None:
    return None if point.seconds is None else zone.stamp(_p50(point))


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
