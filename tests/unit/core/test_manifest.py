"""Which staged rows have a committed outcome, by properties."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmbatch.core.manifest import compare_row_ids

IDS = st.text("abcdef", min_size=1, max_size=1)


@given(st.sets(IDS), st.lists(IDS))
def test_comparison_counts_every_row_once(staged, committed):
    found = compare_row_ids(staged, committed)
    assert found.missing == len(staged - set(committed))
    assert len(committed) - found.duplicates == len(staged & set(committed))
    assert (found.example is None) == (found.missing == 0 and found.duplicates == 0)


def test_worked_example_of_the_docstring():
    found = compare_row_ids("abc", "aad")
    assert (found.missing, found.duplicates, found.example) == (2, 2, "b")
