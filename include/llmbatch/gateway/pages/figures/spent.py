"""What jobs used, by day: GPU hours, and US dollars where a price is configured."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from llmbatch.gateway.pages.figures.figure import BLUE, GREEN, Figure, Trace, layout
from llmbatch.gateway.pages.figures.periods import axis, bars, shown_periods
from llmbatch.orchestrator.sla_report.figures import Period


def spent(days: Sequence[Period], weeks: Sequence[Period]) -> Figure | None:
    """Return GPU hours above dollars; None without any, as on CPUs without a price."""
    periods, title = shown_periods(days, weeks)
    hours, usd = [each.gpu_hours for each in periods], [each.usd for each in periods]
    panels: list[tuple[Sequence[float | None], str, str, str]] = []
    if any(hours):
        panels.append((hours, "GPU hours", BLUE, f"{title} %{{x}}: %{{y:,.1f}} GPU hours<extra></extra>"))
    if any(usd):
        panels.append((usd, "US dollars", GREEN, f"{title} %{{x}}: $%{{y:,.2f}}<extra></extra>"))
    if not panels:
        return None
    traces: list[Trace] = []
    axes: dict[str, JsonValue] = {}
    for number, (values, name, colour, hover) in enumerate(panels, start=1):
        key = "" if number == 1 else str(number)
        traces.append(bars(periods, values, title, colour, yaxis=f"y{key}", hovertemplate=hover))
        domain: list[JsonValue] = [0.0, 1.0] if len(panels) == 1 else [0.56, 1.0] if number == 1 else [0.0, 0.44]
        axes[f"yaxis{key}"] = {"title": {"text": name}, "rangemode": "tozero", "domain": domain, "nticks": 4}
    last = "y" if len(panels) == 1 else f"y{len(panels)}"
    drawn = layout(xaxis={**axis(periods, title), "anchor": last}) | axes
    told = "; ".join(f"{sum(value or 0.0 for value in values):,.2f} {name}" for values, name, _, _ in panels)
    span = f"{periods[0].begins:%d %b %Y} to {periods[-1].begins:%d %b %Y}"
    return Figure(data=tuple(traces), layout=drawn, summary=f"Used by jobs that finished {span}: {told}.")
