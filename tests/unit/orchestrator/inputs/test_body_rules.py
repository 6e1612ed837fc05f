"""Parameters that contradict each other."""

from __future__ import annotations

from typing import Any

import pytest

from llmbatch.core.endpoints import Endpoint
from llmbatch.orchestrator.inputs.body_rules import contradiction

TOOL = {"type": "function", "function": {"name": "f"}}
NAMED = {"type": "function", "function": {"name": "g"}}

WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"priority": 1}, "priority", "scheduling_policy"),
    ({"chat_template_kwargs": {"chat_template": "x"}}, "chat_template_kwargs.chat_template", "config.yaml only"),
    ({"add_generation_prompt": True, "continue_final_message": True}, "continue_final_message", "exclude each other"),
    ({"n": 2, "temperature": 0}, "n", "is 2 at temperature 0"),
    ({"top_logprobs": 3}, "top_logprobs", "needs `logprobs: true`"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "is 21, and 20 is the most"),
    ({"prompt_logprobs": -1}, "prompt_logprobs", "is -1, and 20 is the most"),
    ({"tool_choice": "required"}, "tool_choice", "needs `tools`"),
    ({"tools": [TOOL], "tool_choice": NAMED}, "tool_choice.function.name", "is not the name of one of `tools`"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "is missing"),
    ({"structured_outputs": {"json": {}, "regex": "a"}}, "structured_outputs", "has json and regex"),
    ({"structured_outputs": {"whitespace_pattern": "a"}}, "structured_outputs", "has none of choice, grammar, json"),
]


@pytest.mark.parametrize(("body", "field", "words"), WRONG)
def test_a_contradiction_is_named(body: dict[str, Any], field: str, words: str) -> None:
    found = contradiction(Endpoint.CHAT, body, {})
    assert found is not None
    assert found.field == field
    assert words in found.what


RIGHT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"priority": 0, "n": 2, "temperature": 0.1}, {}),
    ({"priority": 1}, {"scheduling_policy": "priority"}),
    ({"n": 2, "temperature": 0, "use_beam_search": True}, {}),
    ({"logprobs": True, "top_logprobs": 20}, {}),
    ({"prompt_logprobs": 50}, {"max_logprobs": 50}),
    ({"prompt_logprobs": -1}, {"max_logprobs": -1}),
    ({"tools": [TOOL], "tool_choice": TOOL}, {}),
    ({"structured_outputs": {"choice": ["a"]}, "response_format": {"type": "json_object"}}, {}),
]


@pytest.mark.parametrize(("body", "options"), RIGHT)
def test_what_belongs_together_is_right(body: dict[str, Any], options: dict[str, Any]) -> None:
    assert contradiction(Endpoint.CHAT, body, options) is None
