"""Endpoints of OpenAI batch lines."""

from __future__ import annotations

import pytest

from llmbatch.core.rows import RowKind
from llmbatch.orchestrator.inputs.readers.openai_url import kind_of_url


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("/v1/chat/completions", "chat"),
        ("v1/chat/completions/", "chat"),
        (" /chat/completions", "chat"),
        ("HTTPS://api.openai.com/v1/chat/completions?x=/completions", "chat"),
        ("/v1/completions", "completion"),
        ("/openai/deployments/gpt/completions", "completion"),
        ("/v1/embeddings", None),
        ("/v1/chatcompletions", None),
        ("https://[broken/v1/chat/completions", None),
        ("", None),
    ],
)
def test_the_end_of_the_path_counts(url: str, kind: RowKind | None) -> None:
    assert kind_of_url(url) == kind
