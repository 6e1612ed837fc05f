"""The short version of ``make chaos``: break one thing in a running job, and every row still ends exactly once."""

from __future__ import annotations

import pytest

from chaos.cell import Cell, Matrix
from chaos.matrix import SHORT_CELLS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("cell", SHORT_CELLS, ids=lambda cell: cell.title)
def test_nothing_is_lost_and_nothing_doubled(matrix: Matrix, cell: Cell):
    report = matrix.run(cell)
    assert report.verdict.passed, report.line()
