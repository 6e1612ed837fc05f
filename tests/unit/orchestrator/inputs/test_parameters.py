"""Parameters of a row over those of its job."""

from __future__ import annotations

from typing import Any

import pytest

from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import RowError
from llmbatch.core.job_request import JobRequest
from llmbatch.core.serving import Serving
from llmbatch.orchestrator.inputs.parameters import ParameterMerge, Parameters

CHAT, COMPLETIONS, EMBEDDINGS = Endpoint.CHAT, Endpoint.COMPLETIONS, Endpoint.EMBEDDINGS
SCHEMA = {"type": "object"}


def merged(endpoint: Endpoint, body: dict[str, Any], most: int = 1000, **job: Any) -> Parameters:
    request = JobRequest.model_validate({"input_uri": "s3://b/in/", **job})
    return ParameterMerge(request, Serving(), most).merged(endpoint, body)


def test_a_row_precedes_the_request_and_the_request_precedes_the_sampling() -> None:
    job: dict[str, Any] = {"sampling": {"temperature": 0.5, "seed": 1, "top_k": 3}, "request": {"seed": 2, "top_k": 4}}
    assert merged(CHAT, {"top_k": 5, "seed": None}, **job).values == {
        "temperature": 0.5,
        "seed": 2,
        "top_k": 5,
        "max_completion_tokens": 256,
    }


@pytest.mark.parametrize(
    ("endpoint", "body", "job", "key", "limit"),
    [
        (CHAT, {}, {}, "max_completion_tokens", 256),
        (CHAT, {"max_tokens": 7}, {"request": {"max_completion_tokens": 9}}, "max_tokens", 7),
        (CHAT, {"max_tokens": 7, "max_completion_tokens": 8}, {}, "max_completion_tokens", 8),
        (CHAT, {}, {"sampling": {"max_tokens": 5}}, "max_completion_tokens", 5),
        (CHAT, {}, {"sampling": {"max_tokens": 5}, "request": {"max_tokens": 6}}, "max_tokens", 6),
        (COMPLETIONS, {}, {"sampling": {"max_tokens": 5}}, "max_tokens", 5),
        (Endpoint.RESPONSES, {}, {"sampling": {"max_tokens": 5, "min_tokens": 2}}, "max_output_tokens", 5),
        (Endpoint.RESPONSES, {}, {}, "max_output_tokens", 256),
        (Endpoint.TRANSCRIPTIONS, {}, {}, "max_completion_tokens", 256),
        (COMPLETIONS, {"max_tokens": 0, "echo": True}, {}, "max_tokens", 1),
    ],
)
def test_an_answer_always_has_a_limit(
    endpoint: Endpoint, body: dict[str, Any], job: dict[str, Any], key: str, limit: int
) -> None:
    found = merged(endpoint, body, **job)
    assert found.one_answer == limit
    assert found.values[key] == (0 if body.get("echo") else limit)


def test_answers_are_counted_and_reading_writes_none() -> None:
    assert merged(CHAT, {"n": 4, "best_of": 4}) == ({"n": 4, "max_completion_tokens": 256}, 256, 4, 0)
    assert merged(EMBEDDINGS, {"dimensions": 8}, sampling={"max_tokens": 5}) == ({"dimensions": 8}, 0, 1, 0)


def test_what_another_endpoint_of_the_job_takes_is_left_out() -> None:
    job = {"request": {"tools": [{"type": "function", "function": {"name": "f"}}], "dimensions": 8}}
    assert merged(EMBEDDINGS, {}, **job).values == {"dimensions": 8}
    assert merged(CHAT, {}, **job).values.keys() == {"tools", "max_completion_tokens"}
    assert merged(CHAT, {}, **job).chars > 20


NOTHING = [
    {"logprobs": False},
    {"top_logprobs": 0},
    {"logit_bias": {}},
    {"tools": []},
    {"tool_choice": "none"},
    {"tools": [], "tool_choice": "auto"},
    {"parallel_tool_calls": True},
    {"echo": False},
    {"best_of": 1},
    {"n": 1},
    {"response_format": {"type": "text", "json_schema": None}},
    {"response_format": {"type": "json_object", "json_schema": None}},
    {"stream": True, "stream_options": {"include_usage": True}},
    {"user": "u", "metadata": {"a": "b"}, "store": True, "service_tier": "auto", "safety_identifier": "s"},
    {"tools": None, "seed": None, "response_format": None},
]


@pytest.mark.parametrize("body", NOTHING)
def test_what_asks_for_nothing_is_no_error(body: dict[str, Any]) -> None:
    found = merged(CHAT, body)
    assert found.values.keys() <= {"max_completion_tokens", "top_logprobs", "parallel_tool_calls", "response_format"}
    assert found.values.get("response_format") in (None, {"type": "json_object"})


def test_a_row_can_take_back_what_its_job_asks() -> None:
    job = {"request": {"logprobs": True, "n": 3, "tools": [{"type": "function", "function": {"name": "f"}}]}}
    assert merged(CHAT, {"logprobs": False, "n": 1, "tools": []}, **job).values == {"max_completion_tokens": 256}


@pytest.mark.parametrize(
    ("endpoint", "body", "wanted"),
    [
        (CHAT, {}, {"structured_outputs": {"json": SCHEMA}}),
        (CHAT, {"response_format": {"type": "text"}}, {"structured_outputs": {"json": SCHEMA}}),
        (CHAT, {"response_format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
        (CHAT, {"structured_outputs": {"regex": "a"}}, {"structured_outputs": {"regex": "a"}}),
        (CHAT, {"guided_choice": ["a"]}, {"structured_outputs": {"choice": ["a"]}}),
        (COMPLETIONS, {}, {"structured_outputs": {"json": SCHEMA}}),
        (
            Endpoint.RESPONSES,
            {"text": {"format": {"type": "json_object"}}},
            {"text": {"format": {"type": "json_object"}}},
        ),
        (EMBEDDINGS, {}, {}),
    ],
)
def test_the_schema_of_the_job_applies_where_a_row_has_none(
    endpoint: Endpoint, body: dict[str, Any], wanted: dict[str, Any]
) -> None:
    values = merged(endpoint, body, output_schema=SCHEMA).values
    forms = ("response_format", "structured_outputs", "text")
    assert {key: values[key] for key in forms if key in values} == wanted


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"heat": 1}, "`heat` is not a parameter of /v1/chat/completions"),
        ({"temperature": 9}, "`temperature` is 9, and 2 is the most"),
        ({"max_tokens": 11}, "`max_tokens` is 11, above limits.max_tokens 10"),
        ({"max_tokens": 3, "min_tokens": 4}, "`min_tokens` is 4, more than max_tokens 3"),
        ({"best_of": 3, "max_tokens": 1}, "`best_of` is not `n`"),
        ({"chat_template": "{{ x }}", "max_tokens": 1}, "`chat_template` is refused"),
        ({"tool_choice": "required", "max_tokens": 1}, "`tool_choice` needs `tools`"),
    ],
)
def test_a_bad_parameter_is_an_error_with_its_name(body: dict[str, Any], reason: str) -> None:
    with pytest.raises(RowError) as caught:
        merged(CHAT, {"max_tokens": 9, **body}, most=10)
    assert caught.value.message.startswith(reason)
