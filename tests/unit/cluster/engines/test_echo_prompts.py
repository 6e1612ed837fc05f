"""The texts in a request of each endpoint."""

from __future__ import annotations

from typing import Any

import pytest

from llmbatch.cluster.engines.echo_prompts import prompts_of, query_of
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import RowError

PARTS = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}, {"type": "text", "text": "b"}]


@pytest.mark.parametrize(
    ("endpoint", "body", "prompts"),
    [
        (Endpoint.CHAT, {"messages": [{"content": "x"}, {"role": "user", "content": "a b"}]}, ["a b"]),
        (Endpoint.CHAT, {"messages": [{"role": "user", "content": PARTS}]}, ["a  b"]),
        (Endpoint.CHAT, {"messages": [{"role": "assistant", "content": None}]}, [""]),
        (Endpoint.COMPLETIONS, {"prompt": "a b"}, ["a b"]),
        (Endpoint.COMPLETIONS, {"prompt": ["a", "b"]}, ["a", "b"]),
        (Endpoint.COMPLETIONS, {"prompt": [1, 2]}, ["1 2"]),
        (Endpoint.COMPLETIONS, {"prompt": [[1, 2], [3]]}, ["1 2", "3"]),
        (Endpoint.RESPONSES, {"input": "a b"}, ["a b"]),
        (Endpoint.RESPONSES, {"input": [{"content": "x"}, {"content": PARTS}]}, ["a  b"]),
        (Endpoint.EMBEDDINGS, {"input": ["a", "b"]}, ["a", "b"]),
        (Endpoint.EMBEDDINGS, {"messages": [{"content": "a"}]}, ["a"]),
        (Endpoint.SCORE, {"text_1": "q", "text_2": ["a", "b"]}, ["a", "b"]),
        (Endpoint.SCORE, {"queries": "q", "documents": "a"}, ["a"]),
        (Endpoint.RERANK, {"query": "q", "documents": ["a", {"text": "b"}]}, ["a", "b"]),
    ],
)
def test_the_prompts_of_a_body(endpoint: Endpoint, body: dict[str, Any], prompts: list[str]) -> None:
    assert prompts_of(endpoint, body) == prompts


@pytest.mark.parametrize("body", [{}, {"messages": None}, {"prompt": None}])
def test_a_body_without_a_prompt_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(RowError, match="invalid: the request has no prompt"):
        prompts_of(Endpoint.CHAT, body)


def test_the_query_of_a_score() -> None:
    assert query_of({"query": "q", "documents": ["a"]}) == "q"
    assert query_of({"text_1": ["q", "r"], "text_2": "a"}) == "q r"
