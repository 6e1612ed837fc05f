"""Rows counted by length: sums, merged counts, and counts scaled from a sample to the whole input."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbatch.core.input_size import LengthTally
from llmbatch.core.length_cells import bucket_of, class_of

ROWS = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 4096)), max_size=40)


def tally_of(rows: list[tuple[int, int]]) -> LengthTally:
    tally = LengthTally()
    for chars, max_tokens in rows:
        tally.add(chars, max_tokens)
    return tally


@given(ROWS)
def test_sums_are_those_of_the_rows(rows: list[tuple[int, int]]) -> None:
    found = tally_of(rows).counted()
    chars = [length for length, _ in rows]
    assert (found.rows, found.rows_low, found.rows_high, found.sampled_rows, found.doubt) == (*(len(rows),) * 4, 0.0)
    assert found.mean_chars == pytest.approx(statistics.fmean(chars) if chars else 0.0)
    assert found.chars_deviation == pytest.approx(statistics.pstdev(chars) if chars else 0.0, abs=0.01)
    assert found.max_tokens == max((limit for _, limit in rows), default=0)


@given(ROWS)
def test_every_row_is_in_the_cell_of_its_class(rows: list[tuple[int, int]]) -> None:
    cells = tally_of(rows).cells()
    for cell in cells:
        same = [row for row in rows if class_of(*row) == (cell.bucket, bucket_of(cell.limit))]
        assert (cell.rows, cell.chars) == (len(same), sum(chars for chars, _ in same))
        assert cell.limit == max(limit for _, limit in same)
    assert sum(cell.rows for cell in cells) == len(rows)


@given(ROWS, ROWS)
def test_merged_counts_are_those_of_all_rows(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    merged = tally_of(some)
    merged.merge(tally_of(others))
    assert merged.counted() == tally_of([*some, *others]).counted()


def test_a_sample_is_scaled_to_the_whole_input_and_no_cell_disappears() -> None:
    """300 rows of 100 characters and one of 6400; the input has a hundredth of these, then a hundred times as many."""
    tally = tally_of([(100, 64)] * 300 + [(6400, 64)])
    few, many = tally.size(3, 3, 3, 0.0), tally.size(30_100, 29_000, 31_000, 0.25)
    assert [(cell.rows, cell.chars) for cell in few.cells] == [(3, 300), (1, 6400)]
    assert [(cell.rows, cell.chars) for cell in many.cells] == [(30_000, 3_000_000), (100, 640_000)]
    assert (many.rows, many.rows_low, many.rows_high, many.sampled_rows, many.doubt) == (
        30_100, 29_000, 31_000, 301, 0.25,
    )  # fmt: skip


def test_a_part_of_a_size_keeps_its_shape() -> None:
    whole = tally_of([(100, 8)] * 300 + [(4000, 64)] * 100).counted()
    part = whole.at_most(40)
    assert (part.rows, part.rows_low, part.rows_high) == (40, 40, 40)
    assert [(cell.rows, cell.chars) for cell in part.cells] == [(30, 3000), (10, 40_000)]
    assert whole.at_most(400) is whole
