"""Endpoints of OpenAI batch lines."""

from __future__ import annotations

import pytest

from llmbatch.core.endpoints import Endpoint
from llmbatch.orchestrator.inputs.readers.openai_url import endpoint_of


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        *((endpoint.value, endpoint) for endpoint in Endpoint),
        ("v1/chat/completions/", Endpoint.CHAT),
        (" /chat/completions", Endpoint.CHAT),
        ("HTTPS://api.openai.com/v1/chat/completions?x=/completions", Endpoint.CHAT),
        ("/openai/deployments/gpt/completions", Endpoint.COMPLETIONS),
        ("/openai/deployments/ada/embeddings?api-version=2024-10-21", Endpoint.EMBEDDINGS),
        ("/score", Endpoint.SCORE),
        ("/rerank", Endpoint.RERANK),
        ("/v2/rerank", Endpoint.RERANK),
        ("https://host/v1/responses/", Endpoint.RESPONSES),
        ("/v1/audio/translations", None),
        ("/v1/chatcompletions", None),
        ("https://[broken/v1/chat/completions", None),
        ("", None),
    ],
)
def test_the_end_of_the_path_counts(url: str, endpoint: Endpoint | None) -> None:
    assert endpoint_of(url) is endpoint
