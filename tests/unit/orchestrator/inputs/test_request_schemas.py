"""Keys, types and ranges that vLLM's request models take."""

from __future__ import annotations

from datetime import date

import pytest

from llmbatch.core.endpoints import Endpoint
from llmbatch.orchestrator.inputs.request_schemas import known_keys, problem_of, unknown_key

SECRET = "the secret prompt"

WRONG: list[tuple[dict[str, object], str, str]] = [
    ({"temperature": 3}, "temperature", "is 3, and 2 is the most"),
    ({"temperature": "hot"}, "temperature", "is a text, and it takes a number"),
    ({"temperature": float("nan")}, "temperature", "is nan, and it takes a number"),
    ({"top_p": 0}, "top_p", "is 0, and it must be more than 0"),
    ({"n": 0}, "n", "is 0, and 1 is the least"),
    ({"n": 129}, "n", "is 129, and 128 is the most"),
    ({"n": 1.5}, "n", "is 1.5, and it takes a whole number"),
    ({"n": True}, "n", "is a boolean, and it takes a whole number"),
    ({"n": 10**400}, "n", "is a number of many digits, and 128 is the most"),
    ({"seed": 2**63}, "seed", f"is {2**63}, and {2**63 - 1} is the most"),
    ({"stop": 3}, "stop", "is 3, and it takes a text or a list"),
    ({"stop": ["a"] * 5}, "stop", "has more than 4 values"),
    ({"stop": ["a", ""]}, "stop[1]", "has fewer than 1 characters"),
    ({"bad_words": SECRET}, "bad_words", "is a text, and it takes a list"),
    ({"logit_bias": {SECRET: 1}}, "logit_bias", "is not written as vLLM reads it"),
    ({"cache_salt": "a/b"}, "cache_salt", "is not written as vLLM reads it"),
    ({"tool_choice": SECRET}, "tool_choice", "is a text that is not one of none, auto, required"),
    ({"tool_choice": {"type": "function"}}, "tool_choice.function", "is missing"),
    ({"tools": [{"type": SECRET}]}, "tools[0].type", "is a text that is not one of function"),
    ({"tools": [{"type": "function", "function": {"name": 1}}]}, "tools[0].function.name", "is 1, and it takes a text"),
    ({"response_format": SECRET}, "response_format", "is a text, and it takes an object"),
    (
        {"response_format": {"type": SECRET}},
        "response_format.type",
        "is a text that is not one of text, json_object, json_schema, structural_tag",
    ),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
        "response_format.json_schema.name",
        "is missing",
    ),
    ({"structured_outputs": {"jsn": {}}}, "structured_outputs.jsn", "is not a key that vLLM knows there"),
    ({"reasoning_effort": "huge"}, "reasoning_effort", "is a text that is not one of none, minimal, low"),
    ({"messages": [], "user": date(2030, 1, 1)}, "request", "holds a value that JSON has no form for"),
]


@pytest.mark.parametrize(("body", "field", "what"), WRONG)
def test_what_is_wrong_is_named_without_the_texts_of_the_row(body: dict[str, object], field: str, what: str) -> None:
    problem = problem_of(Endpoint.CHAT, body)
    assert problem is not None
    assert (problem.field, problem.what[: len(what)]) == (field, what)
    assert SECRET not in "".join(problem)


def test_an_unknown_key_has_the_nearest_name_and_the_endpoint() -> None:
    problem = problem_of(Endpoint.EMBEDDINGS, {"dimension": 3})
    assert problem == ("dimension", "is not a parameter of /v1/embeddings", "Did you mean `dimensions`?")
    assert unknown_key(Endpoint.CHAT, "x" * 500) == (
        "x" * 80,
        "is not a parameter of /v1/chat/completions",
        "Remove it",
    )


TAKEN: list[tuple[Endpoint, dict[str, object]]] = [
    (Endpoint.CHAT, {"logprobs": True, "top_logprobs": 20, "prompt_logprobs": -1, "logit_bias": {"17": -100}}),
    (Endpoint.CHAT, {"chat_template_kwargs": {"enable_thinking": False}, "reasoning_effort": "low", "priority": 3}),
    (Endpoint.CHAT, {"structured_outputs": {"regex": "a+"}, "stop_token_ids": [1], "bad_words": ["b"], "min_p": 0.1}),
    (Endpoint.COMPLETIONS, {"logprobs": 5, "echo": True, "max_tokens": 0, "suffix": "end"}),
    (Endpoint.RESPONSES, {"tools": [{"type": "function", "name": "f", "parameters": {}, "strict": True}]}),
    (Endpoint.RESPONSES, {"text": {"format": {"type": "json_schema", "name": "s", "schema": {}}}}),
    (Endpoint.EMBEDDINGS, {"encoding_format": "base64", "dimensions": 32, "truncate_prompt_tokens": -1}),
    (Endpoint.RERANK, {"top_n": 3}),
    (Endpoint.TRANSCRIPTIONS, {"language": "en", "response_format": "verbose_json"}),
]


@pytest.mark.parametrize(("endpoint", "body"), TAKEN)
def test_what_vllm_takes_is_right(endpoint: Endpoint, body: dict[str, object]) -> None:
    assert problem_of(endpoint, body) is None


def test_every_endpoint_has_keys() -> None:
    assert all("model" in known_keys(endpoint) for endpoint in Endpoint)
    assert "tools" not in known_keys(Endpoint.EMBEDDINGS)
