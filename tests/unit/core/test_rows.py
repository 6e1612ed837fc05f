"""The answer limit of a staged row, and the columns of the tables that rows are stored in."""

from __future__ import annotations

import pytest

from llmbatch.core.rows import RESULT_COLUMNS, STAGED_COLUMNS, StagedRow


@pytest.mark.parametrize(("max_tokens", "limit"), [(None, 256), (1, 1), (4096, 4096)])
def test_a_row_without_a_limit_of_its_own_has_the_default(max_tokens: int | None, limit: int) -> None:
    row = StagedRow("00000-000000001", "c1", 1, "chat", "{}", 2, max_tokens, None, None)
    assert row.answer_limit == limit


def test_an_outcome_has_the_identity_of_its_row_in_columns_of_the_same_type() -> None:
    shared = ("row_id", "custom_id", "line", "kind", "request", "error_class", "error")
    staged, result = dict(STAGED_COLUMNS), dict(RESULT_COLUMNS)
    assert [(name, staged[name]) for name in shared] == [(name, result[name]) for name in shared]
    assert [name for name, _ in RESULT_COLUMNS[:4]] == [name for name, _ in STAGED_COLUMNS[:4]]
