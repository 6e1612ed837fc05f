"""What vLLM's server layer returned, as an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from llmbatch.cluster.engines.answer_check import Choice, require_demand
from llmbatch.cluster.engines.base import Answer
from llmbatch.cluster.engines.demand import Demand
from llmbatch.cluster.engines.vllm.errors import refusal
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass

_FAULT = 500


def answer_of(response: Any, demand: Demand) -> Answer:
    """Return the answer with the body as vLLM's server would send it.

    Args:
        response: one of vLLM's response models, its ``ErrorResponse``, or an HTTP response with a body of JSON.
        demand: what the request requires of each choice.

    Raises:
        RowError: vLLM refused the request, or the answer is not what the request requires.
    """
    error = getattr(response, "error", None)
    if error is not None:
        kind = ErrorClass.ENGINE if error.code >= _FAULT else ErrorClass.INVALID
        raise refusal(kind, error.message, error.param)
    if not hasattr(response, "model_dump_json"):
        return _read(response)
    usage = getattr(response, "usage", None)
    answer = _counted(response.model_dump_json(by_alias=True), usage)
    if demand.json or demand.calls:
        require_demand(choices_of(response), answer.completion_tokens, demand)
    return answer


def choices_of(response: Any) -> Iterator[Choice]:
    """Return the answers in a response of an endpoint that generates text."""
    if hasattr(response, "output"):
        texts = [part.text for item in response.output if item.type == "message" for part in item.content]
        calls = tuple(item.arguments for item in response.output if item.type == "function_call")
        yield Choice("".join(texts), calls, response.status == "incomplete")
        return
    for choice in response.choices:
        cut = choice.finish_reason == "length"
        message = getattr(choice, "message", None)
        if message is None:
            yield Choice(choice.text, (), cut)
        else:
            calls = tuple(call.function.arguments for call in message.tool_calls or ())
            yield Choice(message.content or "", calls, cut)


def _read(response: Any) -> Answer:
    """Return the answer of an endpoint that writes no text: vLLM has made it JSON already."""
    body = getattr(response, "body", None)
    if body is None:
        raise RowError(ErrorClass.INVALID, "encoding_format: an answer is JSON; use float or base64")
    usage = json.loads(body).get("usage") or {}
    return Answer(
        body.decode() if isinstance(body, bytes) else bytes(body).decode(),
        usage.get("prompt_tokens") or usage.get("total_tokens") or 0,
        usage.get("completion_tokens") or 0,
        (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0,
    )


def _counted(body: str, usage: Any) -> Answer:
    """Return the answer with the tokens that its usage states, by the names of either of OpenAI's APIs."""
    if hasattr(usage, "input_tokens"):
        return Answer(body, usage.input_tokens, usage.output_tokens, usage.input_tokens_details.cached_tokens)
    details = getattr(usage, "prompt_tokens_details", None)
    return Answer(
        body,
        getattr(usage, "prompt_tokens", 0),
        getattr(usage, "completion_tokens", 0) or 0,
        getattr(details, "cached_tokens", 0) or 0,
    )
