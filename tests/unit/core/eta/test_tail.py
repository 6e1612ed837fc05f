"""The drain at the end of a job."""

from __future__ import annotations

from fakes.length_cells import cell
from llmbatch.core.eta.lengths import OutputLengths
from llmbatch.core.eta.priors import LengthPrior
from llmbatch.core.eta.tail import drain


def test_drain_ends_with_its_longest_row() -> None:
    lengths = OutputLengths(LengthPrior(level=100, slope=0, spread=0.5))
    waiting = drain([cell(rows=1000, limit=1000)], lengths, {}, 64)
    assert waiting.rows == 64
    assert waiting.mean_tokens < waiting.longest_tokens < 1000
    last = cell(rows=100, ended=98, running=2, limit=1000)
    few = drain([last], lengths, {last.key: (90, 110)}, 64)
    assert few.rows == 2
    assert few.longest_tokens < waiting.longest_tokens
    assert drain([cell(ended=100)], lengths, {}, 64).rows == 0


def test_no_row_of_the_drain_outlives_its_own_limit() -> None:
    """Answers of 600 tokens were seen in other jobs: of rows that may have 200, none takes longer than that."""
    lengths = OutputLengths(LengthPrior(level=600, slope=0, spread=0.5))
    short = drain([cell(rows=1000, limit=200)], lengths, {}, 64)
    assert 100 < short.longest_tokens <= 200
    last = cell(rows=100, ended=98, running=2, limit=200)
    assert drain([last], lengths, {last.key: (50, 90)}, 64).longest_tokens <= 150
