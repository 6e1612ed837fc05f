"""The endpoints of OpenAI's API and of vLLM's server that a row can be a request for."""

from __future__ import annotations

from enum import StrEnum


class Task(StrEnum):
    """What an engine does with a row. An engine generates, or it reads: each of the others writes no token."""

    GENERATE = "generate"
    EMBED = "embed"
    CLASSIFY = "classify"
    SCORE = "score"


class Endpoint(StrEnum):
    """The ``url`` of a row."""

    CHAT = "/v1/chat/completions"
    COMPLETIONS = "/v1/completions"
    RESPONSES = "/v1/responses"
    TRANSCRIPTIONS = "/v1/audio/transcriptions"
    EMBEDDINGS = "/v1/embeddings"
    POOLING = "/pooling"
    CLASSIFY = "/classify"
    SCORE = "/v1/score"
    RERANK = "/v1/rerank"

    @property
    def task(self) -> Task:
        """What an engine must be able to do to answer."""
        return _TASKS[self]


_TASKS = {
    Endpoint.CHAT: Task.GENERATE,
    Endpoint.COMPLETIONS: Task.GENERATE,
    Endpoint.RESPONSES: Task.GENERATE,
    Endpoint.TRANSCRIPTIONS: Task.GENERATE,
    Endpoint.EMBEDDINGS: Task.EMBED,
    Endpoint.POOLING: Task.EMBED,
    Endpoint.CLASSIFY: Task.CLASSIFY,
    Endpoint.SCORE: Task.SCORE,
    Endpoint.RERANK: Task.SCORE,
}

ANSWER_LIMITS = {
    Endpoint.CHAT: ("max_completion_tokens", "max_tokens"),
    Endpoint.COMPLETIONS: ("max_tokens",),
    Endpoint.RESPONSES: ("max_output_tokens",),
    Endpoint.TRANSCRIPTIONS: ("max_completion_tokens",),
}
"""The keys of a body that limit one answer, the one that wins first. Other endpoints write no token."""
