"""Live replicas of a job over time, with the alerts and the reactions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import JsonValue

from llmbatch.core.alerts import Level
from llmbatch.core.durations import duration
from llmbatch.core.eta.trace import TracePoint
from llmbatch.core.manifest import LevelChange
from llmbatch.core.reactions import Reaction, ReactionKind
from llmbatch.gateway.pages.figures.course import Course, legend, line_of, time_layout
from llmbatch.gateway.pages.figures.figure import BLUE, LEVEL_COLOURS, PURPLE, Figure, Trace, lines, plain, wrapped
from llmbatch.gateway.pages.zone import Zone

_MOST_MARKS = 200
_MOST_TICKS = 8
"""Replicas up to which each number has a tick."""
_ALERTS_AT, _REACTIONS_AT, _TOP = 1.32, 1.14, 1.45
"""Heights, in parts of the most replicas."""

_WORDS = {
    ReactionKind.REPLICAS: "more replicas",
    ReactionKind.PAUSE: "pauses another job",
    ReactionKind.MAX_TOKENS: "shorter answers",
    ReactionKind.MODEL: "another model",
    ReactionKind.RESUME: "resumes another job",
    ReactionKind.PAUSED: "paused for another job",
    ReactionKind.RESUMED: "goes on",
}


def replicas(course: Course, zone: Zone) -> Figure | None:
    """Return live replicas as steps, alerts and reactions as marks above them; None before all of these."""
    alerts, reactions = course.alerts[-_MOST_MARKS:], course.reactions[-_MOST_MARKS:]
    if not course.points and not alerts and not reactions:
        return None

    def told(point: TracePoint, number: int) -> str:
        return lines(zone.text(point.at), f"{point.replicas} live replicas", f"generation {number}")

    line = line_of(course.generations, zone, lambda point: point.at, lambda point: point.replicas, told)
    most = max((point.replicas for point in course.points), default=0) or 1
    data: list[Trace] = [
        {"type": "scatter", "name": "live replicas", "mode": "lines+markers", "marker": {"size": 3},
         "line": {"color": BLUE, "width": 2, "shape": "hv"}, "x": line.x, "y": line.y, "hovertext": line.text,
         "hoverinfo": "text"},
    ]  # fmt: skip
    if alerts:
        marks = _marks("alerts", "triangle-down", [each.at for each in alerts], _ALERTS_AT * most, zone)
        marks["hovertext"] = [_alert(each, course.deadline, zone) for each in alerts]
        data.append(_coloured(marks, [LEVEL_COLOURS[each.level] for each in alerts]))
    if reactions:
        marks = _marks("reactions", "diamond", [each.at for each in reactions], _REACTIONS_AT * most, zone)
        marks["hovertext"] = [_reaction(each, zone) for each in reactions]
        data.append(_coloured(marks, [PURPLE] * len(reactions)))
    layout = time_layout(course, zone, "live replicas", showlegend=True, legend=legend())
    layout["yaxis"] = {
        "title": {"text": "live replicas", "standoff": 8}, "range": [0, _TOP * most], "automargin": False,
        "tickmode": "array", "tickvals": _ticks(most),
    }  # fmt: skip
    return Figure(data=tuple(data), layout=layout, summary=_summary(course, zone))


def _ticks(most: int) -> list[JsonValue]:
    """Return 0 to ``most`` in steps of at least one."""
    step = -(-most // _MOST_TICKS)
    return list(range(0, most + 1, step))


def _marks(name: str, symbol: str, times: Sequence[datetime], y: float, zone: Zone) -> Trace:
    return {
        "type": "scatter", "name": name, "mode": "markers", "x": [zone.stamp(at) for at in times],
        "y": [y] * len(times), "hoverinfo": "text", "marker": {"symbol": symbol, "size": 11},
    }  # fmt: skip


def _coloured(marks: Trace, colours: Sequence[str]) -> Trace:
    marker = marks["marker"]
    return {**marks, "marker": {**(marker if isinstance(marker, dict) else {}), "color": list(colours)}}


def _alert(change: LevelChange, deadline: datetime, zone: Zone) -> str:
    lead = (deadline - change.at).total_seconds()
    when = f"{duration(abs(lead))} {'before' if lead >= 0 else 'after'} the deadline"
    return lines(f"{change.level.value} at {zone.text(change.at)}", when, wrapped(change.reason))


def _reaction(reaction: Reaction, zone: Zone) -> str:
    kind, was, to = reaction.kind, reaction.was, reaction.to
    change = f"{plain(_named(was), 80)} \u2192 {plain(_named(to), 80)}" if was and to else plain(_named(was or to), 80)
    return lines(f"{_WORDS[kind]} at {zone.text(reaction.at)}", change, wrapped(reaction.why))


def _named(value: str) -> str:
    """Return the job id of a job's folder; any other value as it is."""
    return value.rpartition("/")[2] if "/jobs/" in value else value


def _summary(course: Course, zone: Zone) -> str:
    points = course.points
    parts: list[str] = []
    if points:
        most = max(point.replicas for point in points)
        parts.append(f"{points[-1].replicas} live replicas at last, {most} at most.")
    raised = [each for each in course.alerts if each.level is not Level.OK]
    if raised:
        names = ", ".join(f"{each.level.value} at {zone.text(each.at)}" for each in raised[-3:])
        parts.append(f"Alerts: {len(raised)}, the latest {names}.")
    if course.reactions:
        last = course.reactions[-1]
        parts.append(f"Reactions: {len(course.reactions)}, the latest {_WORDS[last.kind]} at {zone.text(last.at)}.")
    return " ".join(parts)
