"""One stack with the fake engine for all tests that break a stack or give it another configuration.

`make test-e2e` runs them beside those with the real engine: both wait most of the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.cell import Matrix
from chaos.stack import ChaosStack
from e2e.echo.sla_receivers import NOTIFIER
from e2e.echo.user_dags import write_dags
from llmbatch_stack.settings import load

PORTS_BELOW = 500
"""From the stack of this checkout; `make chaos` has ports of its own, so that both can run at once."""

LAST = {"test_monitoring.py", "test_sla.py"}
"""They measure seconds: by then, those with the real engine are usually over."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = [place for place, item in enumerate(items) if item.path.parent == Path(__file__).parent]
    ours = sorted((items[place] for place in places), key=lambda item: item.path.name in LAST)
    for place, item in zip(places, ours, strict=True):
        items[place] = item


@pytest.fixture(scope="package")
def matrix() -> Iterator[Matrix]:
    stack = ChaosStack(port_base=load().port_base - PORTS_BELOW)
    plugins = stack.settings.airflow_home / "config"  # where Airflow looks for Python modules when it starts
    plugins.mkdir(parents=True)
    (plugins / "e2e_notifier.py").write_text(NOTIFIER)
    stack.settings.dags.mkdir(parents=True)
    write_dags(stack.settings.dags)
    with stack:
        yield Matrix(stack)
