"""The course of one job: what its figures over time have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from pydantic import JsonValue

from llmbatch.core.eta.trace import TracePoint
from llmbatch.core.manifest import LevelChange
from llmbatch.core.reactions import Reaction
from llmbatch.gateway.pages.figures.figure import GREY, layout
from llmbatch.gateway.pages.zone import Zone

_MOST_NAMED = 6
"""Restarts that have a name beside their line; with more the names would cover each other."""
_MARGIN_LEFT, _MARGIN_RIGHT = 80, 62
"""Pixels. The same in all figures over time, so that they line up."""

_LEAST_SPAN = timedelta(seconds=10)
"""Least width of the axis of time."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Generation(Generic[Item]):
    """What one generation left, in the order of time."""

    number: int
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Course:
    """What happened to a job so far.

    Attributes:
        created_at: when the job was submitted.
        deadline: of the job.
        finished_at: when it was published; None before.
        rows: that the job runs; 0 if unknown.
        generations: the estimates of each generation, in order; a generation without any is left out.
        alerts: changes of its level, without that at its submission.
        reactions: automatic steps for its deadline, or for that of another job.
    """

    created_at: datetime
    deadline: datetime
    finished_at: datetime | None = None
    rows: int = 0
    generations: tuple[Generation[TracePoint], ...] = ()
    alerts: tuple[LevelChange, ...] = ()
    reactions: tuple[Reaction, ...] = ()

    @property
    def points(self) -> tuple[TracePoint, ...]:
        """All estimates, in order."""
        return tuple(point for generation in self.generations for point in generation.items)

    @property
    def end(self) -> datetime:
        """The last time that is known: of an estimate, of an alert or a reaction, or of the finish."""
        times = [self.created_at, *(point.at for point in self.points[-1:])]
        times += [self.finished_at] if self.finished_at is not None else []
        times += [*(each.at for each in self.alerts[-1:]), *(each.at for each in self.reactions[-1:])]
        return max(times)

    def seconds(self, at: datetime) -> float:
        """Return a time as seconds after the submission."""
        return (at - self.created_at).total_seconds()


class Line:
    """The points of a line with a gap between generations, as plotly takes them. Times are in the reader's zone."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self.x: list[JsonValue] = []
        self.y: list[JsonValue] = []
        self.text: list[JsonValue] = []

    def add(self, at: datetime, value: JsonValue, text: str) -> None:
        """Add a point; None for the value is a gap."""
        self.x.append(self._zone.stamp(at))
        self.y.append(value)
        self.text.append(text)

    def end(self) -> None:
        """End a generation: the next point is not connected to the last one."""
        if self.x:
            self.x.append(self.x[-1])
            self.y.append(None)
            self.text.append("")

    @property
    def is_empty(self) -> bool:
        """Whether no point has a value."""
        return all(value is None for value in self.y)


def line_of(
    generations: Sequence[Generation[Item]],
    zone: Zone,
    at: Callable[[Item], datetime],
    value: Callable[[Item], float | str | None],
    text: Callable[[Item, int], str],
) -> Line:
    """Return the line of a value over all generations; ``text`` gets the number of the item's generation, too."""
    line = Line(zone)
    for generation in generations:
        for item in generation.items:
            known = value(item)
            line.add(at(item), known, "" if known is None else text(item, generation.number))
        line.end()
    return line


def time_layout(course: Course, zone: Zone, y: str, **more: JsonValue) -> dict[str, JsonValue]:
    """Return the layout of a figure over time: from the submission to the last known time, restarts as lines.

    Args:
        course: of the job.
        zone: of the reader.
        y: title of the vertical axis.
        more: other keys of plotly's layout.
    """
    begin, span = course.created_at, max(course.end - course.created_at, _LEAST_SPAN)
    shapes: list[JsonValue] = []
    notes: list[JsonValue] = []
    restarts = list(_restarts(course))
    for number, at in restarts:
        x = zone.stamp(at)
        shapes.append(_vertical(x))
        if len(restarts) <= _MOST_NAMED:
            notes.append(_note(x, f"generation {number}"))
    found = layout(y=y, is_time=True, shapes=shapes, annotations=notes)
    found["xaxis"] = {
        "type": "date",
        "range": [zone.stamp(begin - 0.01 * span), zone.stamp(begin + 1.03 * span)],
        "automargin": "height",
        "title": {"text": f"time ({zone.name})"},
    }
    found["yaxis"] = {"title": {"text": y, "standoff": 8}, "rangemode": "tozero", "automargin": False}
    found["margin"] = {"l": _MARGIN_LEFT, "r": _MARGIN_RIGHT, "t": 30, "b": 30}
    return found | more


def legend() -> dict[str, JsonValue]:
    """Return the place of a legend: above the figure and the names of restarts, at the right."""
    return {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.12, "yanchor": "bottom"}


def _restarts(course: Course) -> Iterator[tuple[int, datetime]]:
    for generation in course.generations[1:]:
        yield generation.number, generation.items[0].at


def _vertical(x: str) -> dict[str, JsonValue]:
    line: dict[str, JsonValue] = {"color": GREY, "width": 1, "dash": "dot"}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def _note(x: str, text: str) -> dict[str, JsonValue]:
    return {
        "x": x, "y": 1, "yref": "paper", "yanchor": "bottom", "xanchor": "left", "showarrow": False, "text": text,
        "font": {"color": GREY, "size": 11},
    }  # fmt: skip
