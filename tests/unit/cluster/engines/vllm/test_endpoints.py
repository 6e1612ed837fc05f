"""What vLLM has built for its model is what is served."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from llmbatch.cluster.engines.vllm.endpoints import served_endpoints
from llmbatch.core.endpoints import Endpoint

GENERATING = {
    "openai_serving_chat": SimpleNamespace(create_chat_completion="chat"),
    "openai_serving_completion": SimpleNamespace(create_completion="completion"),
    "openai_serving_responses": SimpleNamespace(create_responses="responses"),
}
POOLING = {"serving_pooling": "pooling", "serving_embedding": "embedding", "serving_scores": "scores"}
MESSAGES = [{"role": "user", "content": "x"}]


def state(**fields: Any) -> Any:
    return SimpleNamespace(**fields)


def test_a_model_that_generates_serves_what_vllm_has_for_it() -> None:
    found = served_endpoints(state(**GENERATING, serving_embedding=None))
    assert {endpoint: served.response for endpoint, served in found.items()} == {
        Endpoint.CHAT: "chat",
        Endpoint.COMPLETIONS: "completion",
        Endpoint.RESPONSES: "responses",
    }


def test_a_model_that_reads_serves_the_others() -> None:
    found = served_endpoints(state(**POOLING, serving_classification=None, openai_serving_chat=None))
    assert set(found) == {Endpoint.POOLING, Endpoint.EMBEDDINGS, Endpoint.SCORE, Endpoint.RERANK}
    transcribing = SimpleNamespace(create_transcription=print)
    assert set(served_endpoints(state(openai_serving_transcription=transcribing))) == {Endpoint.TRANSCRIPTIONS}


@pytest.mark.parametrize(
    ("endpoint", "body", "kind"),
    [
        (Endpoint.CHAT, {"messages": MESSAGES}, "ChatCompletionRequest"),
        (Endpoint.COMPLETIONS, {"prompt": ["a", "b"]}, "CompletionRequest"),
        (Endpoint.RESPONSES, {"input": "x"}, "ResponsesRequest"),
        (Endpoint.EMBEDDINGS, {"input": "x"}, "EmbeddingCompletionRequest"),
        (Endpoint.EMBEDDINGS, {"messages": MESSAGES}, "EmbeddingChatRequest"),
        (Endpoint.POOLING, {"input": "x"}, "PoolingCompletionRequest"),
        (Endpoint.CLASSIFY, {"input": "x"}, "ClassificationCompletionRequest"),
        (Endpoint.SCORE, {"text_1": "x", "text_2": ["y"]}, "ScoreTextRequest"),
        (Endpoint.SCORE, {"queries": "x", "documents": ["y"]}, "ScoreQueriesDocumentsRequest"),
        (Endpoint.RERANK, {"query": "x", "documents": ["y"]}, "RerankRequest"),
    ],
)
def test_bodies_become_requests_of_vllm(endpoint: Endpoint, body: dict[str, Any], kind: str) -> None:
    found = served_endpoints(state(**GENERATING, **POOLING, serving_classification="classify"))
    assert kind in {each.__name__ for each in type(found[endpoint].request(body)).__mro__}


def test_a_structural_tag_is_set_after_vllm_has_read_the_request() -> None:
    tag = '{"structures": [], "triggers": ["<"]}'
    body = {"messages": MESSAGES, "structured_outputs": {"structural_tag": tag}}
    request = served_endpoints(state(**GENERATING))[Endpoint.CHAT].request(body)
    assert request.structured_outputs.structural_tag == tag
