"""Programs of Prometheus."""

from __future__ import annotations

import os

import pytest

from alert_cases.promtool import Program
from llmbatch_stack.install import tools
from llmbatch_stack.settings import load


@pytest.fixture(scope="session")
def program() -> Program:
    """Return the path of a program. Without it a test is skipped, and fails where ``CI`` is set."""

    def find(name: str) -> str:
        found = tools.find(load({}), name)
        if found is None:
            text = f"no {name}: run `make install`, or install it so that PATH has it"
            pytest.fail(f"{text} (CI is set: nothing is skipped)") if os.environ.get("CI") else pytest.skip(text)
        return str(found)

    return find
