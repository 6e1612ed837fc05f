"""Which metrics an expression reads, through recording rules, and which server exports them."""

from __future__ import annotations

from enum import StrEnum

import promql_parser

from llmbatch.core.metrics import CATALOGUE, Source
from monitoring.recording_rules import RECORDINGS


class Exporter(StrEnum):
    """Scrape jobs whose metrics rules read; the rest is Prometheus' own."""

    GATEWAY = "llmbatch"
    STATSD = "statsd"
    RAY = "ray"


_RECORDED = {recording.record: recording.expr for recording in RECORDINGS}
_STATE = {metric.name for metric in CATALOGUE if metric.source is not Source.EVENT}


def selected(expr: str) -> set[str]:
    """Return the names that an expression selects, recorded ones included."""
    found: set[str] = set()

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector) and node.name:
            found.add(node.name)
        elif isinstance(node, promql_parser.MatrixSelector) and node.vector_selector.name:
            found.add(node.vector_selector.name)

    promql_parser.walk(promql_parser.parse(expr), visit)
    return found


def metrics(expr: str) -> set[str]:
    """Return the scraped metrics that an expression reads."""
    names = selected(expr)
    recorded = names & _RECORDED.keys()
    return (names - recorded).union(*(metrics(_RECORDED[name]) for name in recorded))


def exporters(expr: str) -> set[Exporter]:
    """Return the scrape jobs without which an expression is blind; ``up`` needs none."""
    found = set()
    for name in metrics(expr) - {"up"}:
        if name.startswith("ray_"):
            found.add(Exporter.RAY)
        else:
            found.add(Exporter.GATEWAY if _base(name) in _STATE else Exporter.STATSD)
    return found


def _base(name: str) -> str:
    """Return the name of a histogram without the kind of its series."""
    for suffix in ("_bucket", "_sum", "_count"):
        if name.removesuffix(suffix) in _STATE:
            return name.removesuffix(suffix)
    return name
