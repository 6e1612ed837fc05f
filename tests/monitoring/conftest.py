"""Programs of Prometheus."""

from __future__ import annotations

import pytest

from alert_cases.programs import Program, path_of


@pytest.fixture(scope="session")
def program() -> Program:
    return path_of
