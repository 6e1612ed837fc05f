"""Courses of jobs, as their figures take them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from plotly import graph_objects

from fakes.finished_jobs import NOW, spec_of
from fakes.page_jobs import ROWS, alerts_of, course_of, reaction_of
from llmbatch.core.eta.trace import TracePoint
from llmbatch.core.manifest import LevelChange
from llmbatch.gateway.pages.figures.course import Course, Generation
from llmbatch.gateway.pages.figures.figure import Figure

HOSTILE = '<a href="https://x.test">why</a><br>\x1b[2J\u202e' + "<b>" * 300


def at(seconds: float) -> datetime:
    """A time after the submission of ``course``."""
    return NOW + timedelta(seconds=seconds)


def course(*generations: Sequence[TracePoint], hours: float = 4.0, **changes: object) -> Course:
    """A job of 1000 rows that was submitted at ``NOW``."""
    numbered = tuple(Generation(n, tuple(points)) for n, points in enumerate(generations, 1))
    given = {"created_at": NOW, "deadline": at(3600 * hours), "rows": 1000, "generations": numbered, **changes}
    return Course(**given)


def halfway() -> Course:
    """A job of two generations and 80 estimates, with two alerts and a reaction."""
    spec = spec_of(hours=4)
    traces = course_of(spec, 150 * 60.0)
    alerts = tuple(LevelChange(at=each.raised_at, level=each.level, reason=each.reason) for each in alerts_of(spec))
    return course(*(t.points for t in traces), rows=ROWS, alerts=alerts, reactions=(reaction_of(spec),))


def drawn(figure: Figure | None) -> graph_objects.Figure:
    """Return the figure as plotly's own classes see it, which refuse what plotly does not know."""
    assert figure is not None
    return graph_objects.Figure(data=list(figure.data), layout=figure.layout)
