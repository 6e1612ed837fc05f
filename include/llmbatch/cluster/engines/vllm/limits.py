"""Requests whose answer ends where the model's context does."""

from __future__ import annotations

import dataclasses
from typing import Any

from llmbatch.core.endpoints import ANSWER_LIMITS, Endpoint

_LIMITS = frozenset(key for keys in ANSWER_LIMITS.values() for key in keys)


class LeavesRoom:
    """A part of vLLM's request models: no limit of an answer is refused, and a prompt leaves room for one token.

    vLLM lowers the limit of an answer to what the prompt leaves of the context; but before that its server refuses a
    limit that is above the whole context.
    """

    def build_tok_params(self, model_config: Any) -> Any:
        """Return how the prompt is tokenised, for vLLM's renderer."""
        request: Any = self
        limits = _LIMITS.intersection(type(request).model_fields)
        unlimited = request.model_copy(update=dict.fromkeys(limits))
        vllm_s: Any = super(LeavesRoom, unlimited)
        params = vllm_s.build_tok_params(model_config)
        return dataclasses.replace(params, max_total_tokens=model_config.max_model_len - 1)


def limited_requests() -> dict[Endpoint, Any]:
    """Return vLLM's models of the requests that generate text, with ``LeavesRoom``."""
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.entrypoints.openai.completion.protocol import CompletionRequest
    from vllm.entrypoints.openai.responses.protocol import ResponsesRequest

    class LimitedChat(LeavesRoom, ChatCompletionRequest):
        pass

    class LimitedCompletion(LeavesRoom, CompletionRequest):
        pass

    class LimitedResponses(LeavesRoom, ResponsesRequest):
        pass

    return {
        Endpoint.CHAT: LimitedChat,
        Endpoint.COMPLETIONS: LimitedCompletion,
        Endpoint.RESPONSES: LimitedResponses,
    }
