"""The queries of the dashboards, and which of them a running Prometheus answers with nothing.

``python -m monitoring.dashboards.queries http://localhost:9090`` prints those, with the panel that shows them.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from monitoring.dashboards.panels import MISSING

FOLDER = Path(__file__).parents[3] / "config/grafana/dashboards"

INTERVALS = {"__rate_interval": "1m", "__interval": "15s", "__range": "1h"}
"""What Grafana sets by the chosen time, here for an hour that is scraped every 15 s."""
VARIABLES = {**INTERVALS, "model": ".*"}
"""Of all dashboards, except the job."""


@dataclass(frozen=True)
class Series:
    """One series of an answer: its labels, and its values by Unix time, one for an instant query."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class PanelQuery:
    """One query of one panel.

    Attributes:
        dashboard: title.
        panel: title.
        expr: PromQL with variables.
        instant: whether only the newest value is read.
        absence: what the panel says if there is no series; empty: there must be one.
        legend: name of each series, with ``{{label}}``.
    """

    dashboard: str
    panel: str
    expr: str
    instant: bool
    absence: str
    legend: str = ""

    def substituted(self, variables: Mapping[str, str]) -> str:
        """Return the query as Grafana sends it.

        Raises:
            ValueError: if a variable is left.
        """
        expr = self.expr
        for name, value in sorted(variables.items(), key=lambda item: -len(item[0])):
            expr = expr.replace(f"${name}", value).replace(f"${{{name}}}", value)
        if left := re.findall(r"\$\{?\w+", expr):
            raise ValueError(f"{self.dashboard}, {self.panel}: nothing sets {', '.join(left)} in {self.expr}")
        return expr


def panel_queries(folder: Path = FOLDER) -> list[PanelQuery]:
    """Return the queries of every dashboard in a folder."""
    boards = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    return [query for board in boards for panel in board["panels"] for query in queries_of(board, panel)]


def silent_queries(
    url: str, *, job_id: str | None = None, minutes: float = 60, queries: Sequence[PanelQuery] | None = None
) -> list[PanelQuery]:
    """Return the queries for which a Prometheus has no series.

    Args:
        url: of Prometheus.
        job_id: what the variable ``job_id`` is set to; None: a job that Prometheus knows.
        minutes: until now, of the graphs.
        queries: those to run; None: all of the generated dashboards.

    Raises:
        RuntimeError: if Prometheus refuses a query, with the query and the reason.
        httpx.HTTPError: if it does not answer.
    """
    with httpx.Client(base_url=url, timeout=30) as prometheus:
        variables = {**VARIABLES, "job_id": job_id or known_job(prometheus)}
        every = panel_queries() if queries is None else queries
        return [query for query in every if not read(prometheus, query, variables, minutes)]


def read(prometheus: httpx.Client, query: PanelQuery, variables: Mapping[str, str], minutes: float) -> list[Series]:
    """Return what a query finds, over the minutes until now if it is not instant.

    Raises:
        RuntimeError: if Prometheus refuses it, with the query and the reason.
        ValueError: if a variable is not set.
    """
    expr, now = query.substituted(variables), time.time()
    over = {"start": f"{now - 60 * minutes}", "end": f"{now}", "step": f"{max(15, minutes * 60 / 240):.0f}"}
    path, more = ("/api/v1/query", {}) if query.instant else ("/api/v1/query_range", over)
    answer = prometheus.post(path, data={"query": expr, **more}).json()
    warnings = [text for text in answer.get("warnings", []) if not text.startswith("PromQL info")]
    if answer["status"] != "success" or warnings:
        reason = answer.get("error") or warnings
        raise RuntimeError(f"{query.dashboard}, {query.panel}: Prometheus refuses {expr}: {reason}")
    return [
        Series(found["metric"], [(float(at), float(value)) for at, value in found.get("values") or [found["value"]]])
        for found in answer["data"]["result"]
    ]


def known_job(prometheus: httpx.Client) -> str:
    """Return a job that Prometheus has series of; ``unknown`` if there is none."""
    answer = prometheus.get("/api/v1/label/job_id/values", params={"match[]": "llmbatch_job_info"}).json()
    return str((answer["data"] or ["unknown"])[0])


def queries_of(board: Mapping[str, object], panel: Mapping[str, Any]) -> list[PanelQuery]:
    """Return the queries of one panel of a dashboard."""
    text = panel["fieldConfig"]["defaults"]["noValue"] if "targets" in panel else ""
    return [
        PanelQuery(
            dashboard=str(board["title"]),
            panel=panel["title"],
            expr=target["expr"],
            instant=bool(target["instant"]),
            absence="" if text == MISSING else text,
            legend=target.get("legendFormat", ""),
        )
        for target in panel.get("targets", [])
    ]


if __name__ == "__main__":
    for silent in silent_queries(sys.argv[1]):
        reason = f" ({silent.absence})" if silent.absence else ""
        sys.stdout.write(f"{silent.dashboard} | {silent.panel}{reason}: {silent.expr}\n")
