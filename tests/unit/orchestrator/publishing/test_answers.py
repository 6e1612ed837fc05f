"""What a table shows of an answer, for each shape of body."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.results import chat_body
from llmbatch.core.endpoints import Endpoint
from llmbatch.orchestrator.publishing.answers import answer_of

CALLS = [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]
LOGPROBS = {"content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}]}


def chat(*messages: dict, **choice: object) -> dict:
    choices = [{"index": n, "message": m, "finish_reason": "stop", **choice} for n, m in enumerate(messages)]
    return chat_body("") | {"choices": choices}


def data(*entries: object) -> dict:
    return {"object": "list", "data": list(entries), "usage": {"prompt_tokens": 3, "total_tokens": 3}}


RESPONSE = {
    "object": "response",
    "status": "completed",
    "incomplete_details": None,
    "output": [
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"},
        {"type": "message", "content": [{"type": "output_text", "text": "one ", "logprobs": [{"token": "one"}]}]},
        {"type": "message", "content": [{"type": "output_text", "text": "two"}, {"type": "refusal", "refusal": "no"}]},
    ],
}

CASES = {
    "chat": (Endpoint.CHAT, chat({"content": "hi"}), {"text": "hi", "finish_reason": "stop"}),
    "chat n=2": (
        Endpoint.CHAT,
        chat({"content": "a"}, {"content": "b"}),
        {"text": "a", "finish_reason": "stop", "choices": chat({"content": "a"}, {"content": "b"})["choices"]},
    ),
    "tool calls": (
        Endpoint.CHAT,
        chat({"content": None, "tool_calls": CALLS}, finish_reason="tool_calls"),
        {"tool_calls": CALLS, "finish_reason": "tool_calls"},
    ),
    "no tool calls": (
        Endpoint.CHAT,
        chat({"content": "a", "tool_calls": []}),
        {"text": "a", "finish_reason": "stop"},
    ),
    "reasoning": (
        Endpoint.CHAT,
        chat({"content": "4", "reasoning": "2 and 2"}),
        {"text": "4", "reasoning": "2 and 2", "finish_reason": "stop"},
    ),
    "reasoning under its earlier name": (
        Endpoint.CHAT,
        chat({"content": "4", "reasoning_content": "2 and 2"}),
        {"text": "4", "reasoning": "2 and 2", "finish_reason": "stop"},
    ),
    "logprobs": (
        Endpoint.CHAT,
        chat({"content": "a"}, logprobs=LOGPROBS),
        {"text": "a", "finish_reason": "stop", "logprobs": LOGPROBS},
    ),
    "completion": (
        Endpoint.COMPLETIONS,
        {"choices": [{"index": 0, "text": "once", "logprobs": {"tokens": ["once"]}, "finish_reason": "length"}]},
        {"text": "once", "logprobs": {"tokens": ["once"]}, "finish_reason": "length"},
    ),
    "completion of several prompts": (
        Endpoint.COMPLETIONS,
        {"choices": [{"index": 0, "text": "a"}, {"index": 1, "text": "b"}]},
        {"text": "a", "choices": [{"index": 0, "text": "a"}, {"index": 1, "text": "b"}]},
    ),
    "response": (
        Endpoint.RESPONSES,
        RESPONSE,
        {
            "text": "one two",
            "reasoning": "hm",
            "tool_calls": [RESPONSE["output"][1]],
            "logprobs": [{"token": "one"}],
            "finish_reason": "completed",
        },
    ),
    "response that was cut off": (
        Endpoint.RESPONSES,
        {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []},
        {"finish_reason": "max_output_tokens"},
    ),
    "transcription": (Endpoint.TRANSCRIPTIONS, {"text": "words", "usage": {}}, {"text": "words"}),
    "embedding": (Endpoint.EMBEDDINGS, data({"index": 0, "embedding": [0.5, -1.0]}), {"embedding": [0.5, -1.0]}),
    "embedding in base64": (Endpoint.EMBEDDINGS, data({"embedding": "AAAAPw=="}), {"embedding": "AAAAPw=="}),
    "embeddings of several texts": (
        Endpoint.EMBEDDINGS,
        data({"embedding": [1.0]}, {"embedding": [2.0]}),
        {"embedding": [1.0], "choices": [{"embedding": [1.0]}, {"embedding": [2.0]}]},
    ),
    "pooling": (Endpoint.POOLING, data({"index": 0, "data": [0.5]}), {"embedding": [0.5]}),
    "pooling of each token": (Endpoint.POOLING, data({"data": [[0.5], [1.0]]}), {"embedding": [[0.5], [1.0]]}),
    "classification": (
        Endpoint.CLASSIFY,
        data({"index": 0, "label": "spam", "probs": [0.25, 0.75], "num_classes": 2}),
        {"label": "spam", "scores": [0.25, 0.75]},
    ),
    "scores": (
        Endpoint.SCORE,
        data({"index": 1, "score": 0.5}, {"index": 0, "score": 0.25}),
        {"scores": [0.25, 0.5]},
    ),
    "ranks in the order of the documents": (
        Endpoint.RERANK,
        {"results": [{"index": 2, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]},
        {"scores": [0.1, None, 0.9]},
    ),
}


@pytest.mark.parametrize(("endpoint", "body", "expected"), CASES.values(), ids=CASES.keys())
def test_the_columns_of_a_body(endpoint: Endpoint, body: dict, expected: dict) -> None:
    found = answer_of(json.dumps(body), endpoint.value)
    assert {name: value for name, value in found.items() if value is not None} == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "data", "results", "output", "message", "content", "index", "score", "embedding", "type"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(body=json_values, endpoint=st.sampled_from(Endpoint))
def test_a_body_of_another_shape_gives_nothing_for_what_it_lacks(body: object, endpoint: Endpoint) -> None:
    found = answer_of(json.dumps(body), endpoint.value)
    assert found.keys() <= {
        *("text", "reasoning", "tool_calls", "finish_reason", "logprobs", "choices", "embedding", "label", "scores")
    }


@pytest.mark.parametrize(
    "response", [None, "", "{", "[" * 100_000, "1" * 5000, '{"data": [{"index": 0, "score": 1e999}]}']
)
@pytest.mark.parametrize("endpoint", ["/v1/score", "/v1/unknown"])
def test_a_text_that_is_not_a_body_is_no_error(response: str | None, endpoint: str) -> None:
    assert answer_of(response, endpoint).get("scores") in (None, [float("inf")])


def test_a_number_that_no_float_holds_and_a_far_index_are_no_error() -> None:
    huge = json.dumps(data({"index": 0, "score": 10**400}, {"index": 10**9, "score": 1}, {"index": [], "score": 1}))
    assert answer_of(huge, Endpoint.SCORE)["scores"] == [None]
