"""Days and weeks on an axis, for figures of the SLA report. They are those of UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from pydantic import JsonValue

from llmbatch.gateway.pages.figures.figure import Trace
from llmbatch.orchestrator.sla_report.figures import Period

DAY, WEEK = "day", "week from"
"""Titles of the axes."""
MOST_DAYS = 31
"""Days that a figure shows; of more, it shows weeks."""

_MOST_LABELS = 8
_LEAST_SHOWN = 5
"""Days or weeks that an axis spans at least, so that the bar of one is no block."""
_DAY_MS = 86_400_000


def shown_periods(days: Sequence[Period], weeks: Sequence[Period]) -> tuple[Sequence[Period], str]:
    """Return days, or weeks if there are many days, and the title of their axis."""
    return (days, DAY) if len(days) <= MOST_DAYS else (weeks, WEEK)


def axis(periods: Sequence[Period], title: str) -> dict[str, JsonValue]:
    """Return an axis of these periods, which are in order. Days without a job are gaps."""
    first, last = (datetime.combine(periods[place].begins, time()) for place in (0, -1))
    each = timedelta(days=7 if title == WEEK else 1)
    pad = max(0.7 * each, (last - first) / 20, (_LEAST_SHOWN * each - (last - first)) / 2)
    found: dict[str, JsonValue] = {
        "type": "date",
        "title": {"text": title},
        "tickformat": "%d %b",
        "hoverformat": "%d %b %Y",
        "range": [(first - pad).isoformat(), (last + pad).isoformat()],
    }
    few = len(periods) <= _MOST_LABELS
    return {**found, "tickvals": [each.begins.isoformat() for each in periods]} if few else found


def bars(
    periods: Sequence[Period], values: Sequence[float | None], title: str, colour: str, **more: JsonValue
) -> Trace:
    """Return a bar for each period, as wide as most of a week or a day."""
    days = 5 if title == WEEK else 0.7
    return {
        "type": "bar",
        "x": [each.begins.isoformat() for each in periods],
        "y": [*values],
        "width": days * _DAY_MS,
        "marker": {"color": colour},
        **more,
    }


def points(periods: Sequence[Period], values: Sequence[float | None], colour: str, **more: JsonValue) -> Trace:
    """Return a line with a point for each period that has a value."""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [each.begins.isoformat() for each in periods],
        "y": [*values],
        "connectgaps": True,
        "line": {"color": colour, "width": 2},
        "marker": {"color": colour, "size": 7},
        **more,
    }
