"""Which red alerts were right, and which missed deadlines were announced by one."""

from __future__ import annotations

from llmbatch.gateway.pages.figures.figure import BLUE, GREEN, ORANGE, PURPLE, Figure, Trace, layout
from llmbatch.orchestrator.sla_report.figures import AlertQuality

_ALERTS, _MISSED = "red alerts", "missed deadlines"


def alert_quality(alerts: AlertQuality) -> Figure | None:
    """Return red alerts by their outcome, over missed deadlines by whether they were announced; None without any."""
    if not alerts.red_jobs and not alerts.missed_jobs:
        return None
    traces = (
        _part("right: the deadline was missed", BLUE, alerts.right, alerts.right),
        _part("rescued by a reaction", GREEN, alerts.rescued, 0),
        _part("false alarm", ORANGE, alerts.wrong, 0),
        _part("not announced", PURPLE, 0, alerts.unannounced),
    )
    drawn = layout(
        barmode="stack",
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
    )
    drawn["xaxis"] = {"title": {"text": "jobs"}, "rangemode": "tozero", "tickformat": "d"}
    drawn["yaxis"] = {"type": "category", "categoryorder": "array", "categoryarray": [_MISSED, _ALERTS]}
    return Figure(data=traces, layout=drawn, summary=_summary(alerts))


def _part(name: str, colour: str, of_alerts: int, of_missed: int) -> Trace:
    counts = [of_missed, of_alerts]
    return {
        "type": "bar", "orientation": "h", "name": name, "marker": {"color": colour}, "width": 0.55,
        "y": [_MISSED, _ALERTS],
        "x": [*counts],
        "text": [str(count) if count else "" for count in counts],
        "textposition": "inside", "insidetextanchor": "middle", "insidetextfont": {"color": "#ffffff"},
        "hovertemplate": f"%{{y}}: %{{x}} {name}<extra></extra>",
    }  # fmt: skip


def _summary(alerts: AlertQuality) -> str:
    return (
        f"Jobs with a red alert: {alerts.red_jobs}, of which {alerts.right} missed the deadline, {alerts.rescued} were "
        f"rescued by a reaction and {alerts.wrong} were false alarms. Missed deadlines: {alerts.missed_jobs}, of which "
        f"{alerts.unannounced} had no red alert before."
    )
