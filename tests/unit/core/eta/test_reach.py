"""How far rows in flight are."""

from __future__ import annotations

import pytest

from fakes.length_cells import cell
from llmbatch.core.eta.reach import reach_of


def test_reach_keeps_young_and_old_apart() -> None:
    seen = cell(running=2, running_seconds=40.0, running_seconds_squared=1000.0)
    assert reach_of([seen], 2.0)[seen.key] == pytest.approx((20, 60))
    short = seen.model_copy(update={"limit": 50})
    assert reach_of([short], 2.0)[short.key] == pytest.approx((20, 0.95 * 50))
