"""How often intervals of the ETA contained the finish."""

from __future__ import annotations

from llmbatch.gateway.pages.figures.figure import BLUE, GREY, Figure, layout
from llmbatch.orchestrator.sla_report.figures import EtaAccuracy


def calibration(eta: EtaAccuracy) -> Figure | None:
    """Return the part of the finishes that an interval contained, by its nominal width; None without a scored job."""
    if not eta.calibration:
        return None
    widths = [float(width) for width in eta.calibration]
    seen = list(eta.calibration.values())
    ideal = {
        "type": "scatter", "mode": "lines", "x": [0, 100], "y": [0, 100], "name": "ideal",
        "line": {"color": GREY, "dash": "dash", "width": 1.5}, "hoverinfo": "skip",
    }  # fmt: skip
    actual = {
        "type": "scatter", "mode": "lines+markers", "x": [0.0, *widths], "y": [0.0, *seen], "name": "these jobs",
        "line": {"color": BLUE, "width": 2}, "marker": {"color": BLUE, "size": 7},
        "hovertemplate": "%{x:.0f} % intervals contained the finish in %{y:.0f} %<extra></extra>",
    }  # fmt: skip
    drawn = layout(
        xaxis={"title": {"text": "nominal interval, %"}, "range": [0, 100]},
        yaxis={"title": {"text": "contained the finish, %"}, "range": [0, 104]},
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    listed = "; ".join(f"{width:.0f} %: {share:.0f} %" for width, share in zip(widths, seen, strict=True))
    return Figure(
        data=(ideal, actual),
        layout=drawn,
        summary=f"How often an interval contained the finish, by its nominal width. {listed}.",
    )
