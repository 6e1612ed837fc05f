"""One line of JSON text: an object, or an error with the reason."""

from __future__ import annotations

import pytest

from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.readers.json_object import json_object


def test_an_object_is_returned() -> None:
    assert json_object(' {"a": [1, null], "b": {"c": "\u00e9"}} ') == {"a": [1, None], "b": {"c": "é"}}


def test_numbers_without_a_form_in_json_are_read() -> None:
    """Only a row that uses such a number fails, and the row keeps its id."""
    record = json_object('{"a": NaN, "b": -Infinity, "c": ' + "9" * 10_000 + ', "d": 7}')
    assert repr(record) == "{'a': nan, 'b': -inf, 'c': inf, 'd': 7}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": }', "not JSON (expecting value at character 7)"),
        ("", "not JSON (expecting value at character 1)"),
        ("[1]", "not an object"),
        ("null", "not an object"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
    ],
    ids=["broken", "empty", "list", "null", "nested"],
)
def test_other_text_is_an_error_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(RowError) as caught:
        json_object(text)
    assert caught.value.error_class is ErrorClass.INVALID
    assert reason in caught.value.message
