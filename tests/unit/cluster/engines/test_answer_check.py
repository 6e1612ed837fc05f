"""Which endings are answers."""

from __future__ import annotations

import pytest

from llmbatch.cluster.engines.answer_check import require_answer
from llmbatch.cluster.engines.base import Answer
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass


@pytest.mark.parametrize(
    ("text", "reason", "as_json", "failure"),
    [
        ("words", "stop", False, None),
        ("wor", "length", False, None),
        ("words words words", "repetition", False, None),
        ("wor", "error", False, ErrorClass.ENGINE),
        ("wor", "abort", False, ErrorClass.ENGINE),
        ('{"a": 1}', "stop", True, None),
        ('{"a": 1}', "error", True, ErrorClass.ENGINE),
        ('{"a": 1}', "abort", True, ErrorClass.ENGINE),
        ("", "abort", True, ErrorClass.ENGINE),
        ('{"a": ', "stop", True, ErrorClass.SCHEMA),
        ("", "stop", True, ErrorClass.SCHEMA),
    ],
)
def test_a_row_that_the_engine_broke_off_has_no_answer(
    text: str, reason: str, as_json: bool, failure: ErrorClass | None
) -> None:
    answer = Answer(text, reason, 1, 7)
    if failure is None:
        require_answer(answer, as_json=as_json)
        return
    with pytest.raises(RowError) as caught:
        require_answer(answer, as_json=as_json)
    assert caught.value.error_class is failure
    assert "7 tokens" in caught.value.message


def test_an_answer_that_was_cut_off_names_the_limit_to_raise() -> None:
    with pytest.raises(RowError, match="raise max_tokens"):
        require_answer(Answer('{"a": ', "length", 1, 3), as_json=True)
