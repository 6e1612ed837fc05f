"""The drain at the end of a job."""

from __future__ import annotations

from fakes.length_cells import answered, cell
from llmbatch.core.eta.lengths import OutputLengths
from llmbatch.core.eta.priors import LengthPrior
from llmbatch.core.eta.reach import Reached
from llmbatch.core.eta.tail import drain


def test_drain_ends_with_its_longest_row() -> None:
    lengths = OutputLengths(LengthPrior(level=100, slope=0, spread=0.5))
    waiting = drain([cell(rows=1000, limit=1000)], lengths, {}, 64)
    assert waiting.rows == 64
    assert waiting.mean_tokens < waiting.longest_tokens < 1000
    last = cell(rows=100, ended=98, running=2, limit=1000)
    few = drain([last], lengths, {last.key: Reached(90, 110)}, 64)
    assert few.rows == 2
    assert few.longest_tokens < waiting.longest_tokens
    assert drain([cell(ended=100)], lengths, {}, 64).rows == 0


def test_no_row_of_the_drain_outlives_its_own_limit() -> None:
    """Answers of 600 tokens were seen in other jobs: of rows that may have 200, none takes longer than that."""
    lengths = OutputLengths(LengthPrior(level=600, slope=0, spread=0.5))
    short = drain([cell(rows=1000, limit=200)], lengths, {}, 64)
    assert 100 < short.longest_tokens <= 200
    last = cell(rows=100, ended=98, running=2, limit=200)
    assert drain([last], lengths, {last.key: Reached(50, 90)}, 64).longest_tokens <= 150


def test_a_few_long_rows_among_labels_are_the_drain() -> None:
    """Answers of two tokens, but for three in a hundred of about 250 of 500: the last rows are of that kind."""
    seen = answered(20, 1000, ([2] * 97 + [125, 250, 375]) * 3, rows=600, limit=500)
    lengths = OutputLengths(LengthPrior(level=2, slope=0, spread=0.5))
    for _ in range(5):
        lengths.fit([seen], {})
    assert drain([seen], lengths, {}, 64).longest_tokens > 350


def test_rows_without_answers_have_no_drain() -> None:
    lengths = OutputLengths(LengthPrior())
    for rows in (cell(rows=1000, limit=0), cell(rows=100, ended=98, running=2, limit=0)):
        found = drain([rows], lengths, {rows.key: Reached()}, 64)
        assert (found.mean_tokens, found.longest_tokens) == (0, 0)
