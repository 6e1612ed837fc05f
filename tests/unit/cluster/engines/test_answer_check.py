"""Which endings are answers."""

from __future__ import annotations

import pytest

from llmbatch.cluster.engines.answer_check import Choice, require_demand, require_end
from llmbatch.cluster.engines.demand import Demand
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass

JSON, CALLS = Demand(json=True), Demand(calls=True)


@pytest.mark.parametrize(
    ("choice", "demand", "failure"),
    [
        (Choice("wor", cut=True), Demand(), None),
        (Choice('{"a": 1}'), JSON, None),
        (Choice('{"a": 1', cut=True), JSON, "not complete JSON after 3 tokens; raise max_tokens"),
        (Choice("words"), JSON, "not complete JSON after 3 tokens"),
        (Choice("[" * 100_000), JSON, "not complete JSON"),
        (Choice(""), JSON, "not complete JSON"),
        (Choice("", ("{}",)), JSON, None),  # a call that the model chose takes the place of the text
        (Choice("", ("{}", '{"a": 1}')), CALLS, None),
        (Choice("", ("{}", '{"a": '), cut=True), CALLS, "no complete call of a tool after 3 tokens; raise max_tokens"),
        (Choice("words"), CALLS, "no complete call of a tool"),
    ],
)
def test_a_row_whose_answer_is_not_what_it_requires_fails(choice: Choice, demand: Demand, failure: str | None) -> None:
    if failure is None:
        require_demand([choice], 3, demand)
        return
    with pytest.raises(RowError) as caught:
        require_demand([choice], 3, demand)
    assert caught.value.error_class is ErrorClass.SCHEMA
    assert failure in caught.value.message
    assert ("raise max_tokens" in caught.value.message) is choice.cut


def test_every_choice_must_be_an_answer() -> None:
    with pytest.raises(RowError):
        require_demand([Choice("{}"), Choice("{")], 3, JSON)


@pytest.mark.parametrize("reason", ["stop", "length", "repetition", None])
def test_endings_of_the_model_are_answers(reason: str | None) -> None:
    require_end(reason, 3)


@pytest.mark.parametrize("reason", ["error", "abort"])
def test_endings_of_the_engine_are_not(reason: str) -> None:
    with pytest.raises(RowError, match=f"finish_reason '{reason}' after 3 tokens") as caught:
        require_end(reason, 3)
    assert caught.value.error_class is ErrorClass.ENGINE
