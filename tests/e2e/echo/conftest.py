"""One stack with the fake engine for all tests that break a stack or give it another configuration.

It is gone before the stack of this checkout is started: two idle stacks would take half of a small machine.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chaos.cell import Matrix
from chaos.stack import ChaosStack
from e2e.echo.sla_receivers import NOTIFIER
from e2e.echo.user_dags import write_dags
from llmbatch_stack.settings import load

PORTS_BELOW = 500
"""From the stack of this checkout; `make chaos` has ports of its own, so that both can run at once."""


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
