"""JSON text of rows, and nulls that say nothing."""

from __future__ import annotations

import pytest

from llmbatch.core.errors import RowError
from llmbatch.orchestrator.inputs.canonical import canonical, serialised, without_nulls


def test_equal_values_have_equal_text() -> None:
    assert canonical({"b": [1, "ä"], "a": None}) == canonical({"a": None, "b": [1, "ä"]}) == '{"a":null,"b":[1,"ä"]}'


def test_nulls_of_objects_are_dropped_but_not_those_of_lists_and_schemas() -> None:
    schema = {"const": None, "enum": ["a", None]}
    tools = [{"type": "function", "strict": None, "function": {"name": "f", "parameters": schema}}]
    assert without_nulls({"tools": tools, "n": None, "choice": [None]}) == {
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}],
        "choice": [None],
    }


@pytest.mark.parametrize(
    ("value", "reason"),
    [({"a": float("nan")}, "`x.a` is NaN"), ({"a": object()}, "`x.a` is of type object")],
)
def test_a_value_without_a_form_in_json_is_named(value: object, reason: str) -> None:
    with pytest.raises(RowError, match=reason):
        serialised(value, "x")
