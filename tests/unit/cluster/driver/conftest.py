"""The driver's parts around one job."""

from __future__ import annotations

import pytest

from fakes.desk import Desk


@pytest.fixture
def desk(make) -> Desk:
    return Desk(make)
