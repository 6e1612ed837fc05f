"""What vLLM's layer returns, as answers."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from llmbatch.cluster.engines.answer_check import Choice
from llmbatch.cluster.engines.base import Answer
from llmbatch.cluster.engines.demand import Demand
from llmbatch.cluster.engines.vllm.responses import answer_of, choices_of
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass


def response(**fields: Any) -> Any:
    return SimpleNamespace(model_dump_json=lambda by_alias: '{"id": "x"}', **fields)


def usage(**details: Any) -> SimpleNamespace:
    return SimpleNamespace(prompt_tokens=5, completion_tokens=7, prompt_tokens_details=SimpleNamespace(**details))


def chat(content: str | None, calls: list[str] | None = None, reason: str = "stop") -> SimpleNamespace:
    listed = None if calls is None else [SimpleNamespace(function=SimpleNamespace(arguments=each)) for each in calls]
    return SimpleNamespace(finish_reason=reason, message=SimpleNamespace(content=content, tool_calls=listed))


def test_the_body_is_vllm_s_own_and_the_tokens_are_of_its_usage() -> None:
    assert answer_of(response(usage=usage(cached_tokens=3)), Demand()) == Answer('{"id": "x"}', 5, 7, 3)
    assert answer_of(response(usage=usage(cached_tokens=None)), Demand()) == Answer('{"id": "x"}', 5, 7, 0)
    other = SimpleNamespace(input_tokens=5, output_tokens=7, input_tokens_details=SimpleNamespace(cached_tokens=3))
    assert answer_of(response(usage=other), Demand()) == Answer('{"id": "x"}', 5, 7, 3)
    assert answer_of(response(text="words"), Demand()) == Answer('{"id": "x"}', 0, 0, 0)


def test_a_body_that_is_json_already_stays_as_it_is() -> None:
    body = b'{"data": [], "usage": {"prompt_tokens": 5, "total_tokens": 5}}'
    assert answer_of(SimpleNamespace(body=body), Demand()) == Answer(body.decode(), 5, 0, 0)
    assert answer_of(SimpleNamespace(body=b'{"results": []}'), Demand()).prompt_tokens == 0


def test_an_answer_that_is_no_json_is_refused() -> None:
    with pytest.raises(RowError, match="encoding_format"):
        answer_of(SimpleNamespace(body_iterator=None), Demand())


@pytest.mark.parametrize(
    ("code", "kind"), [(400, ErrorClass.INVALID), (404, ErrorClass.INVALID), (500, ErrorClass.ENGINE)]
)
def test_an_error_response_is_an_error_of_the_row(code: int, kind: ErrorClass) -> None:
    error = SimpleNamespace(error=SimpleNamespace(code=code, message="not so", param="tools"))
    with pytest.raises(RowError) as caught:
        answer_of(error, Demand())
    assert (caught.value.error_class, caught.value.message) == (kind, "tools: not so")


def test_choices_of_each_api() -> None:
    found = choices_of(response(choices=[chat("a"), chat(None, ["{}"]), chat("b", [], "length")]))
    assert list(found) == [Choice("a"), Choice("", ("{}",)), Choice("b", (), True)]
    text = SimpleNamespace(text="a", finish_reason="length")
    assert list(choices_of(response(choices=[text]))) == [Choice("a", (), True)]
    items = [
        SimpleNamespace(type="reasoning"),
        SimpleNamespace(type="message", content=[SimpleNamespace(text="a"), SimpleNamespace(text="b")]),
        SimpleNamespace(type="function_call", arguments="{}"),
    ]
    assert list(choices_of(response(output=items, status="incomplete"))) == [Choice("ab", ("{}",), True)]


def test_what_is_required_is_checked() -> None:
    made = response(usage=usage(cached_tokens=0), choices=[chat(json.dumps({"a": 1})), chat("{")])
    assert answer_of(made, Demand()).completion_tokens == 7
    with pytest.raises(RowError, match="not complete JSON after 7 tokens"):
        answer_of(made, Demand(json=True))
