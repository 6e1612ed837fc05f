"""Draw the dashboards with the data of a running Prometheus: whether panels have data, and how they are laid out.

``python -m monitoring.dashboards.picture http://localhost:9090 FOLDER`` writes a page for each dashboard; with
``--browser chromium`` a PNG too. This is not Grafana: fonts, colours and axes are only like it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import httpx

from monitoring.dashboards import picture_charts as charts
from monitoring.dashboards.picture_values import shown
from monitoring.dashboards.queries import FOLDER, VARIABLES, Series, known_job, queries_of, read

_COLUMN, _ROW, _HEAD = 64, 30, 26
_STYLE = """
body { background: #111217; color: #d8d9da; font: 12px sans-serif; margin: 8px; }
svg text { fill: #d8d9da; font: 11px sans-serif; }
.panel { position: absolute; background: #181b1f; border: 1px solid #2a2d33; overflow: hidden; box-sizing: border-box; }
.panel h2 { font-size: 12px; margin: 6px 8px; height: 12px; white-space: nowrap; }
.row { position: absolute; font-size: 15px; padding-top: 8px; }
.none { text-align: center; color: #8e8e8e; font-size: 15px; padding: 8px; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: 4px 8px; white-space: nowrap; }
"""


def page(board: Mapping[str, Any], prometheus: httpx.Client, variables: Mapping[str, str], minutes: float) -> str:
    """Return a dashboard as a page."""
    parts = []
    for panel in board["panels"]:
        at = panel["gridPos"]
        width, height = at["w"] * _COLUMN - 6, at["h"] * _ROW - 6
        place = f"left:{at['x'] * _COLUMN + 8}px;top:{at['y'] * _ROW + 40}px;width:{width}px;height:{height}px"
        if panel["type"] == "row":
            parts.append(f'<div class="row" style="{place}">▾ {_filled(panel["title"], variables)}</div>')
            continue
        queries = queries_of(board, panel)
        found = [
            [(query.legend, series) for series in read(prometheus, query, variables, minutes)] for query in queries
        ]
        title = f'<h2 title="{escape(panel["description"])}">{_filled(panel["title"], variables)}</h2>'
        parts.append(f'<div class="panel" style="{place}">{title}{_body(panel, found, width, height - _HEAD)}</div>')
    head = f"<meta charset='utf-8'><style>{_STYLE}</style>"
    return (
        f"<!doctype html><html>{head}<h1 style='font-size:18px;margin:0'>{escape(board['title'])}</h1>{''.join(parts)}"
    )


def _filled(title: str, variables: Mapping[str, str]) -> str:
    for name, value in variables.items():
        title = title.replace(f"${name}", value)
    return escape(title)


def _body(panel: Mapping[str, Any], found: Sequence[Sequence[tuple[str, Series]]], width: int, height: int) -> str:
    every = charts.named([each for answer in found for each in answer])
    if not any(series.points for _, series in every):
        return f'<div class="none">{escape(panel["fieldConfig"]["defaults"]["noValue"])}</div>'
    if panel["type"] == "table":
        return _table(panel, [[series for _, series in answer] for answer in found])
    draw = {"timeseries": charts.graph, "stat": charts.number, "gauge": charts.dial, "bargauge": charts.bars}
    return draw[panel["type"]](panel, every, width, height)


def _table(panel: Mapping[str, Any], found: Sequence[Sequence[Series]]) -> str:
    """Return the answers joined over the labels of the first query, as Grafana's ``merge`` and ``organize`` do."""
    options = panel["transformations"][1]["options"]
    rows: list[dict[str, str | float]] = [dict(series.labels) for series in found[0]]
    for letter, answer in zip((target["refId"] for target in panel["targets"]), found, strict=True):
        for series in answer:
            for row in rows:
                if all(row.get(name, value) == value for name, value in series.labels.items()):
                    row |= {**series.labels, f"Value #{letter}": series.points[-1][1]}
    units = {
        rule["matcher"]["options"]: {each["id"]: each["value"] for each in rule["properties"]}
        for rule in panel["fieldConfig"]["overrides"]
    }
    fields = sorted(options["indexByName"], key=options["indexByName"].__getitem__)
    titles = [options["renameByName"][field] for field in fields]

    def cell(row: Mapping[str, str | float], field: str, title: str) -> str:
        value, shape = row.get(field, ""), units.get(title, {})
        if isinstance(value, str):
            color = charts.mapped(shape, value)
            return f'<td style="color:{color}">{escape(value)}</td>'
        style = f' style="color:{charts.color(shape, value)}"' if "thresholds" in shape else ""
        return f"<td{style}>{escape(shown(value, shape.get('unit', '')))}</td>"

    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join(
        f"<tr>{''.join(cell(row, field, title) for field, title in zip(fields, titles, strict=True))}</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the pages, and the pictures of them if a browser is given."""
    parser = argparse.ArgumentParser(prog="python -m monitoring.dashboards.picture", description=__doc__)
    parser.add_argument("url", help="of Prometheus")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--browser", help="Chromium, for PNG files")
    parser.add_argument("--minutes", type=float, default=180, help="of the graphs (default: 180)")
    parser.add_argument("--job-id", help="of the dashboard One job (default: any)")
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    with httpx.Client(base_url=given.url, timeout=30) as prometheus:
        span = f"{given.minutes:.0f}m"
        variables = {**VARIABLES, "__range": span, "job_id": given.job_id or known_job(prometheus)}
        for path in sorted(FOLDER.glob("*.json")):
            board = json.loads(path.read_text(encoding="utf-8"))
            written = given.folder / f"{path.stem}.html"
            written.write_text(page(board, prometheus, variables, given.minutes), encoding="utf-8")
            if given.browser:
                _photograph(given.browser, written, max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in board["panels"]))


def _photograph(browser: str, page: Path, rows: int) -> None:
    size = f"{24 * _COLUMN + 20},{rows * _ROW + 50}"
    subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={size}"),
            *(f"--screenshot={page.with_suffix('.png')}", page.absolute().as_uri()),
        ],
        check=True,
        capture_output=True,
    )


if __name__ == "__main__":
    main()
