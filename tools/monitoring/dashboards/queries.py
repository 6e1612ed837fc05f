"""The queries of the dashboards, and which of them a running Prometheus answers with nothing.

``python -m monitoring.dashboards.queries http://localhost:9090`` prints those, with the panel that shows them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from monitoring.dashboards.panels import MISSING

FOLDER = Path(__file__).parents[3] / "config/grafana/dashboards"

ALL_MODELS = {"model": ".*"}
INTERVALS = {"__rate_interval": "1m", "__interval": "15s", "__range": "1h"}
"""What Grafana sets by the chosen time, here for an hour that is scraped every 15 s."""


@dataclass(frozen=True)
class PanelQuery:
    """One query of one panel.

    Attributes:
        dashboard: title.
        panel: title.
        expr: PromQL with variables.
        instant: whether only the newest value is asked for.
        absence: what the panel says if there is no series; empty: there must be one.
    """

    dashboard: str
    panel: str
    expr: str
    instant: bool
    absence: str

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
    return [query for path in sorted(folder.glob("*.json")) for query in _of_board(json.loads(path.read_text("utf-8")))]


def silent_queries(
    url: str, *, job_id: str | None = None, minutes: float = 60, queries: Sequence[PanelQuery] | None = None
) -> list[PanelQuery]:
    """Return the queries for which a Prometheus has no series.

    Args:
        url: of Prometheus.
        job_id: what the variable ``job_id`` is set to; None: a job that Prometheus knows.
        minutes: until now, of the graphs.
        queries: those to ask; None: all of the generated dashboards.

    Raises:
        RuntimeError: if Prometheus refuses a query, with the query and the reason.
        httpx.HTTPError: if it does not answer.
    """
    with httpx.Client(base_url=url, timeout=30) as prometheus:
        chosen = job_id or _known_job(prometheus)
        variables = {**INTERVALS, **ALL_MODELS, "job_id": chosen}
        asked = panel_queries() if queries is None else queries
        return [query for query in asked if not _series(prometheus, query, query.substituted(variables), minutes)]


def _series(prometheus: httpx.Client, query: PanelQuery, expr: str, minutes: float) -> int:
    now = float(_answer(prometheus, query, "/api/v1/query", {"query": "time()"})[1])
    over = {"start": f"{now - 60 * minutes}", "end": f"{now}", "step": "15"}
    path, more = ("/api/v1/query", {}) if query.instant else ("/api/v1/query_range", over)
    return len(_answer(prometheus, query, path, {"query": expr, **more}))


def _answer(prometheus: httpx.Client, query: PanelQuery, path: str, data: Mapping[str, str]) -> list[str]:
    answer = prometheus.post(path, data=dict(data)).json()
    warnings = [text for text in answer.get("warnings", []) if not text.startswith("PromQL info")]
    if answer["status"] != "success" or warnings:
        reason = answer.get("error") or warnings
        raise RuntimeError(f"{query.dashboard}, {query.panel}: Prometheus refuses {data['query']}: {reason}")
    result: list[str] = answer["data"]["result"]
    return result


def _known_job(prometheus: httpx.Client) -> str:
    answer = prometheus.get("/api/v1/label/job_id/values", params={"match[]": "llmbatch_job_info"}).json()
    return str((answer["data"] or ["unknown"])[0])


def _of_board(board: Mapping[str, object]) -> Iterator[PanelQuery]:
    panels = board["panels"]
    assert isinstance(panels, list)
    for panel in panels:
        for target in panel.get("targets", []):
            text = panel["fieldConfig"]["defaults"]["noValue"]
            yield PanelQuery(
                str(board["title"]),
                panel["title"],
                target["expr"],
                bool(target["instant"]),
                "" if text == MISSING else text,
            )


if __name__ == "__main__":
    for silent in silent_queries(sys.argv[1]):
        reason = f" ({silent.absence})" if silent.absence else ""
        sys.stdout.write(f"{silent.dashboard} | {silent.panel}{reason}: {silent.expr}\n")
