"""The columns of the tables that rows are stored in."""

from __future__ import annotations

from llmbatch.core.rows import RESULT_COLUMNS, STAGED_COLUMNS


def test_an_outcome_has_the_identity_of_its_row_in_columns_of_the_same_type() -> None:
    shared = ("row_id", "custom_id", "line", "url", "request", "error_class", "error")
    staged, result = dict(STAGED_COLUMNS), dict(RESULT_COLUMNS)
    assert [(name, staged[name]) for name in shared] == [(name, result[name]) for name in shared]
    assert [name for name, _ in RESULT_COLUMNS[:4]] == [name for name, _ in STAGED_COLUMNS[:4]]
