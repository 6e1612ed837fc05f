"""How far rows in flight are."""

from __future__ import annotations

import pytest

from fakes.length_cells import cell
from llmbatch.core.eta.reach import reach_of


def test_reach_keeps_young_and_old_apart() -> None:
    seen = cell(running=2, running_seconds=40.0, running_seconds_squared=1000.0)
    assert reach_of([seen], 2.0)[seen.key] == pytest.approx((20, 60, 0.5))
    short = seen.model_copy(update={"limit": 50})
    assert reach_of([short], 2.0)[short.key] == pytest.approx((20, 0.95 * 50, 0.5))


def test_one_old_row_among_young_ones_is_found() -> None:
    """15 rows have just begun and one is 32 s old: half of 16 rows at 10 s each would be another batch."""
    seen = cell(running=16, running_seconds=32.0, running_seconds_squared=1024.0)
    found = reach_of([seen], 2.0)[seen.key]
    assert found == pytest.approx((0, 64, 1 / 16))
    assert found.mean == pytest.approx(4)
    assert reach_of([cell(running=3)], 2.0)[seen.key] == (0, 0, 0.5)
