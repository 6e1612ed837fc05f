"""How many jobs met their deadline, by week."""

from __future__ import annotations

from collections.abc import Sequence

from llmbatch.gateway.pages.figures.figure import GREEN, RED, Figure, Trace, layout
from llmbatch.gateway.pages.figures.periods import WEEK, axis, bars
from llmbatch.orchestrator.sla_report.figures import Period

_MOST_LABELS = 16
_LISTED = 8
_FEW_JOBS = 5


def attainment(weeks: Sequence[Period]) -> Figure | None:
    """Return the jobs of each week, those that met their deadline below those that missed it; None without a job."""
    if not weeks:
        return None
    met = bars(weeks, [week.met for week in weeks], WEEK, GREEN, name="met", hovertemplate=_hover("met"))
    late = [week.jobs - week.met for week in weeks]
    missed = bars(weeks, late, WEEK, RED, name="missed", hovertemplate=_hover("missed"))
    traces: tuple[Trace, ...] = (met, missed)
    if len(weeks) <= _MOST_LABELS:
        traces = (*traces, _shares(weeks))
    most = max(week.jobs for week in weeks)
    drawn = layout(
        barmode="stack",
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        xaxis=axis(weeks, WEEK),
        yaxis={"title": {"text": "jobs"}, "range": [0, 1.15 * most], "dtick": 1 if most <= _FEW_JOBS else None},
    )
    return Figure(data=traces, layout=drawn, summary=_summary(weeks))


def _shares(weeks: Sequence[Period]) -> Trace:
    return {
        "type": "scatter",
        "mode": "text",
        "x": [week.begins.isoformat() for week in weeks],
        "y": [week.jobs for week in weeks],
        "text": [f"{100 * week.met / week.jobs:.0f} %" for week in weeks],
        "textposition": "top center",
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _hover(word: str) -> str:
    return f"week from %{{x}}: %{{y}} {word}<extra></extra>"


def _summary(weeks: Sequence[Period]) -> str:
    listed = weeks[-_LISTED:]
    each = "; ".join(f"{week.begins:%d %b %Y}: {week.met} of {week.jobs}" for week in listed)
    span = "each week" if len(listed) == len(weeks) else f"each of the last {len(listed)} weeks"
    return f"Jobs that met their deadline, in {span} that had jobs. {each}."
