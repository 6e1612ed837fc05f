"""Chat messages of a row: checked, in one shape, as text."""

from __future__ import annotations

import pytest

from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.messages import checked_messages, content_chars, with_system


def test_messages_get_one_shape() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert checked_messages(
        [
            {"role": "developer", "content": "rules"},
            {"role": "user", "content": parts, "name": None},
            {"role": "assistant", "content": "", "name": "bot"},
        ]
    ) == [
        {"role": "system", "content": "rules"},
        {"role": "user", "content": "one\ntwo"},
        {"role": "assistant", "content": "", "name": "bot"},
    ]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "`messages` is null, not a list"),
        ({}, "`messages` is an object, not a list"),
        ([], "`messages` is empty"),
        ([True], "`messages[0]` is a boolean, not an object"),
        ([{"role": "user", "content": "hi"}, {"content": "hi"}], "`messages[1].role` is missing"),
        ([{"role": ["user"], "content": "hi"}], "`messages[0].role` is unknown"),
        ([{"role": "user"}], "`messages[0].content` is null or missing"),
        ([{"role": "user", "content": [{"type": "text", "text": " "}]}], "`messages[0].content` is blank"),
        ([{"role": "user", "content": [{"type": "text", "text": 1}]}], "a part that is not text"),
        ([{"role": "assistant", "content": " "}], "no message has any text"),
    ],
)
def test_bad_messages_are_an_error_with_the_reason(value: object, reason: str) -> None:
    with pytest.raises(RowError) as caught:
        checked_messages(value)
    assert caught.value.error_class is ErrorClass.INVALID
    assert reason in caught.value.message


def test_the_system_prompt_is_first_unless_the_row_has_its_own() -> None:
    user = {"role": "user", "content": "hi"}
    own = [{"role": "system", "content": "own"}, user]
    assert with_system([user], "job") == [{"role": "system", "content": "job"}, user]
    assert with_system(own, "job") == own


def test_characters_of_all_contents_are_counted() -> None:
    assert content_chars([{"role": "system", "content": "é"}, {"role": "user", "content": "four"}]) == 5
