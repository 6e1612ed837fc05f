"""Graphs of events: how many there were in each hour."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.models.dashboard import Panel

from llmbatch.core.metrics import Metric
from monitoring.dashboards.panels import Query, lines
from monitoring.dashboards.promql import counted

HOUR = "1h"
NONE = "none in this time"


def hourly(
    title: str, description: str, metric: Metric, *labels: str, colors: Mapping[str, str] | None = None
) -> Panel:
    """Return a graph of a counter of events, by labels; without events it says so."""
    legend = ": ".join(f"{{{{{label}}}}}" for label in labels)
    query = Query(counted(metric, ", ".join(labels), HOUR), legend)
    return lines(title, description, "short", query, colors=colors, no_value=NONE)
