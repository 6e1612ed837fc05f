"""The short version of ``make chaos``: break one thing in a running job, and every row still ends exactly once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chaos.cell import Cell, Matrix
from chaos.matrix import SHORT_CELLS
from chaos.stack import ChaosStack

PORT_BASE = 20500
"""Not that of `make chaos`, so that both can run at once."""

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def matrix() -> Iterator[Matrix]:
    with ChaosStack(port_base=PORT_BASE) as stack:
        yield Matrix(stack)


@pytest.mark.parametrize("cell", SHORT_CELLS, ids=lambda cell: cell.title)
def test_nothing_is_lost_and_nothing_doubled(matrix: Matrix, cell: Cell):
    report = matrix.run(cell)
    assert report.verdict.passed, report.line()
