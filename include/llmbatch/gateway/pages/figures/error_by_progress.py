"""How wrong the ETA was, by how far jobs were."""

from __future__ import annotations

from collections.abc import Mapping

from llmbatch.gateway.pages.figures.figure import BLUE, ORANGE, Figure, Trace, layout
from llmbatch.orchestrator.sla_report.figures import EtaAccuracy


def error_by_progress(eta: EtaAccuracy, goals: Mapping[str, float]) -> Figure | None:
    """Return the median error of the remaining time; None without a scored job.

    Args:
        eta: the accuracy of finished jobs.
        goals: largest median error that is wanted, in percent, by percent of the rows.
    """
    if not eta.median_error_pct:
        return None
    marks = eta.median_error_pct
    medians: Trace = {
        "type": "bar", "name": "median error", "marker": {"color": BLUE}, "width": 0.55,
        "x": [f"{mark} %" for mark in marks],
        "y": list(marks.values()),
        "text": [f"{error:.1f} %" for error in marks.values()],
        "textposition": "outside", "cliponaxis": False,
        "customdata": [eta.error_pct[mark] for mark in marks],
        "hovertemplate": "at %{x} of the rows: median %{y:.1f} %, mean %{customdata:.1f} %<extra></extra>",
    }  # fmt: skip
    known = [mark for mark in marks if mark in goals]
    wanted: Trace = {
        "type": "scatter", "mode": "markers", "name": "goal: at most",
        "x": [f"{mark} %" for mark in known],
        "y": [goals[mark] for mark in known],
        "marker": {"symbol": "line-ew-open", "size": 46, "color": ORANGE, "line": {"width": 3, "color": ORANGE}},
        "hovertemplate": "goal at %{x} of the rows: at most %{y} %<extra></extra>",
    }  # fmt: skip
    drawn = layout(showlegend=True, legend={"orientation": "h", "y": 1.06, "yanchor": "bottom"})
    drawn["xaxis"] = {"title": {"text": "rows done"}, "type": "category"}
    highest = max([*marks.values(), *(goals[mark] for mark in known)])
    drawn["yaxis"] = {"title": {"text": "error of the remaining time, %"}, "range": [0, 1.15 * highest or 1]}
    return Figure(data=(medians, wanted), layout=drawn, summary=_summary(marks, goals))


def _summary(marks: Mapping[str, float], goals: Mapping[str, float]) -> str:
    told = "; ".join(
        f"at {mark} % of the rows {error:.1f} %" + (f", goal {goals[mark]:.0f} %" if mark in goals else "")
        for mark, error in marks.items()
    )
    return f"Median error of the remaining time: {told}."
