"""Bodies of the fake engine are those of OpenAI's and vLLM's APIs."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest
from openai.types import Completion, CreateEmbeddingResponse
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from llmbatch.cluster.engines.answer_check import Choice
from llmbatch.cluster.engines.echo_bodies import DIMENSIONS, generated, measured, numbers
from llmbatch.core.endpoints import Endpoint

HEAD: dict[str, Any] = {"id": "echo-1", "model": "m"}
TOOLS = [{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g"}}]
NAMED = {"type": "function", "function": {"name": "g"}}


@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [(Endpoint.CHAT, ChatCompletion), (Endpoint.COMPLETIONS, Completion), (Endpoint.RESPONSES, Response)],
)
def test_what_is_generated_is_of_openai_s_types(endpoint: Endpoint, kind: Any) -> None:
    body = generated(endpoint, {}, HEAD, [Choice("a", cut=True), Choice("b")], (2, 3))
    found = kind.model_validate(body)
    assert (found.id, found.model, found.usage.total_tokens) == ("echo-1", "m", 5)


def test_choices_have_their_text_and_their_ending() -> None:
    body: Any = generated(Endpoint.CHAT, {}, HEAD, [Choice("a", cut=True), Choice("b")], (2, 3))
    endings = [(each["index"], each["message"]["content"], each["finish_reason"]) for each in body["choices"]]
    assert endings == [(0, "a", "length"), (1, "b", "stop")]
    response: Any = generated(Endpoint.RESPONSES, {}, HEAD, [Choice("a", cut=True)], (2, 3))
    assert (response["status"], response["output"][0]["content"][0]["text"]) == ("incomplete", "a")


@pytest.mark.parametrize(("wanted", "name"), [("required", "f"), (NAMED, "g")])
def test_a_required_call_names_its_tool(wanted: Any, name: str) -> None:
    request: dict[str, Any] = {"tools": TOOLS, "tool_choice": wanted}
    body = generated(Endpoint.CHAT, request, HEAD, [Choice("", ("{}",))], (2, 3))
    choice: Any = ChatCompletion.model_validate(body).choices[0]
    call = choice.message.tool_calls[0]
    assert (choice.finish_reason, call.function.name, call.function.arguments) == ("tool_calls", name, "{}")
    flat = {"tools": [{"type": "function", "name": "f"}], "tool_choice": "required"}
    item: Any = generated(Endpoint.RESPONSES, flat, HEAD, [Choice("", ("{}",))], (2, 3))["output"]
    assert (item[0]["type"], item[0]["name"]) == ("function_call", "f")


def test_what_is_measured_depends_on_the_text_alone() -> None:
    body: Any = measured(Endpoint.EMBEDDINGS, {}, HEAD, ["a", "b"], 4)
    found = CreateEmbeddingResponse.model_validate(body)
    assert [each.embedding for each in found.data] == [numbers("a"), numbers("b")]
    assert (found.usage.prompt_tokens, body["usage"]["completion_tokens"]) == (4, 0)
    encoded: Any = measured(Endpoint.EMBEDDINGS, {"encoding_format": "base64"}, HEAD, ["a"], 4)
    floats = struct.unpack(f"<{DIMENSIONS}f", base64.b64decode(encoded["data"][0]["embedding"]))
    assert list(floats) == pytest.approx(numbers("a"))


def test_scores_classes_and_pools_have_vllm_s_form() -> None:
    score: Any = measured(Endpoint.SCORE, {}, HEAD, ["a"], 1)
    assert score["data"] == [{"index": 0, "object": "score", "score": numbers("a")[0]}]
    ranked: Any = measured(Endpoint.RERANK, {}, HEAD, ["a"], 1)
    assert ranked["results"] == [{"index": 0, "document": {"text": "a"}, "relevance_score": numbers("a")[0]}]
    [found] = measured(Endpoint.CLASSIFY, {}, HEAD, ["a"], 1)["data"]  # type: ignore[misc]
    assert isinstance(found, dict)
    assert (found["num_classes"], len(found["probs"])) == (2, 2)  # type: ignore[arg-type]
    pooled: Any = measured(Endpoint.POOLING, {}, HEAD, ["a"], 1)
    assert pooled["data"] == [{"index": 0, "object": "pooling", "data": numbers("a")}]
