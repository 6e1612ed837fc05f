"""Every event of the catalogue is sent somewhere, nothing else is, and only through ``metrics.events``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from llmbatch.core import metrics
from llmbatch.core.metrics import CATALOGUE, Kind, Metric, Source

PACKAGE = Path(__file__).parents[4] / "include" / "llmbatch"
SENDERS = {"count": Kind.COUNTER, "observe": Kind.HISTOGRAM}


def sent(source: str) -> Iterator[tuple[str, str]]:
    """Yield function and constant of each ``count(metrics.X, …)`` and ``observe(metrics.X, …)``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SENDERS and node.args:
            yield node.func.id, ast.unparse(node.args[0])


def emissions() -> list[tuple[str, str]]:
    files = [path for path in sorted(PACKAGE.rglob("*.py")) if "orchestrator.metrics.events import" in path.read_text()]
    return [found for path in files for found in sent(path.read_text(encoding="utf-8"))]


def test_what_is_listed_is_sent_and_what_is_sent_is_listed() -> None:
    names = {f"metrics.{name}": value for name, value in vars(metrics).items() if isinstance(value, Metric)}
    found = emissions()
    assert [name for _, name in found if name not in names] == []
    assert {names[name] for _, name in found} == {metric for metric in CATALOGUE if metric.source is Source.EVENT}
    assert [(sender, name) for sender, name in found if names[name].kind is not SENDERS[sender]] == []


def test_only_one_module_uses_airflows_client() -> None:
    users = [
        path for path in PACKAGE.rglob("*.py") if "observability.stats import Stats" in path.read_text(encoding="utf-8")
    ]
    assert [path.relative_to(PACKAGE).as_posix() for path in users] == ["orchestrator/metrics/events.py"]


def test_the_rule_sees_what_it_looks_for() -> None:
    assert list(sent("count(metrics.ROWS, model)\nobserve(x)\ncount(1)\nother(metrics.COST)")) == [
        ("count", "metrics.ROWS"),
        ("observe", "x"),
        ("count", "1"),
    ]
