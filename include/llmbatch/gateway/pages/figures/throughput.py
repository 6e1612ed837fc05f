"""How fast jobs were, by day."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from llmbatch.gateway.pages.figures.figure import BLUE, PURPLE, Figure, layout
from llmbatch.gateway.pages.figures.periods import axis, points, shown_periods
from llmbatch.orchestrator.sla_report.figures import Period


def throughput(days: Sequence[Period], weeks: Sequence[Period]) -> Figure | None:
    """Return output tokens and rows a second of work, one above the other; None without a job that was timed."""
    periods, title = shown_periods(days, weeks)
    tokens, rows = [each.tokens_per_second for each in periods], [each.rows_per_second for each in periods]
    if not any(rate is not None for rate in (*tokens, *rows)):
        return None
    hover = f"{title} %{{x}}: %{{y:,.4~g}} "
    drawn = layout(
        xaxis={**axis(periods, title), "anchor": "y2"},
        yaxis=_panel("tokens/s", 0.56, 1.0),
        yaxis2=_panel("rows/s", 0.0, 0.44),
    )
    traces = (
        points(periods, tokens, BLUE, hovertemplate=f"{hover}output tokens/s<extra></extra>"),
        points(periods, rows, PURPLE, yaxis="y2", hovertemplate=f"{hover}rows/s<extra></extra>"),
    )
    told = [_told(tokens, "output tokens a second"), _told(rows, "rows a second")]
    return Figure(
        data=traces,
        layout=drawn,
        summary=f"Throughput while rows were processed, {periods[0].begins:%d %b %Y} to {periods[-1].begins:%d %b %Y}: "
        + "; ".join(filter(None, told))
        + ".",
    )


def _panel(title: str, low: float, high: float) -> dict[str, JsonValue]:
    return {"title": {"text": title}, "rangemode": "tozero", "domain": [low, high], "nticks": 4}


def _told(rates: Sequence[float | None], unit: str) -> str:
    known = [rate for rate in rates if rate is not None]
    if not known:
        return ""
    return f"{min(known):,.4g} to {max(known):,.4g} {unit}, last {known[-1]:,.4g}"
