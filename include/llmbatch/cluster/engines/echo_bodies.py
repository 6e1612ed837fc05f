"""The bodies of responses of the fake engine: as OpenAI and vLLM have them, with nothing in them that is not needed."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Sequence

from pydantic import JsonValue

from llmbatch.cluster.engines.answer_check import Choice
from llmbatch.cluster.engines.base import Body
from llmbatch.core.endpoints import Endpoint

DIMENSIONS = 8
"""Numbers of an embedding."""

LABELS = ("LABEL_0", "LABEL_1")
_CREATED = 1_700_000_000
"""Seconds since 1970 of every response, so that they are the same each time."""


def generated(endpoint: Endpoint, body: Body, head: Body, choices: Sequence[Choice], usage: tuple[int, int]) -> Body:
    """Return the response of an endpoint that generates text.

    Args:
        endpoint: what the request was for.
        body: the request.
        head: ``id`` and ``model`` of the response.
        choices: the answers.
        usage: tokens of the prompts, and of the answers.
    """
    if endpoint is Endpoint.RESPONSES:
        return _response(body, head, choices[0], usage)
    chat = endpoint is Endpoint.CHAT
    listed: list[JsonValue] = []
    for index, choice in enumerate(choices):
        ending = "length" if choice.cut else "tool_calls" if choice.calls else "stop"
        content: Body = {"message": _message(body, choice)} if chat else {"text": choice.text}
        listed.append({"index": index, **content, "logprobs": None, "finish_reason": ending})
    return {
        **head,
        "object": "chat.completion" if chat else "text_completion",
        "created": _CREATED,
        "choices": listed,
        "usage": _usage(*usage),
    }


def measured(endpoint: Endpoint, body: Body, head: Body, texts: Sequence[str], tokens: int) -> Body:
    """Return the response of an endpoint that reads only: numbers that depend on the text and nothing else."""
    if endpoint is Endpoint.RERANK:
        results: list[JsonValue] = [
            {"index": index, "document": {"text": text}, "relevance_score": numbers(text)[0]}
            for index, text in enumerate(texts)
        ]
        return {**head, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}, "results": results}
    data: list[JsonValue] = [
        {"index": index, **_measure(endpoint, body, numbers(text))} for index, text in enumerate(texts)
    ]
    return {**head, "object": "list", "created": _CREATED, "data": data, "usage": _usage(tokens, 0)}


def numbers(text: str) -> list[float]:
    """Return numbers from 0 to 1 that stand for a text."""
    return [byte / 255 for byte in hashlib.sha256(text.encode()).digest()[:DIMENSIONS]]


def called(text: str) -> tuple[str, ...]:
    """Return the arguments of the call that answers a request for one."""
    return (json.dumps({"echo": text}),)


def _measure(endpoint: Endpoint, body: Body, found: list[float]) -> Body:
    if endpoint is Endpoint.SCORE:
        return {"object": "score", "score": found[0]}
    if endpoint is Endpoint.CLASSIFY:
        label = LABELS[found[0] >= 0.5]
        return {"label": label, "probs": [1 - found[0], found[0]], "num_classes": len(LABELS)}
    if body.get("encoding_format") == "base64":
        value: JsonValue = base64.b64encode(struct.pack(f"<{DIMENSIONS}f", *found)).decode()
    else:
        value = [*found]
    if endpoint is Endpoint.POOLING:
        return {"object": "pooling", "data": value}
    return {"object": "embedding", "embedding": value}


def _message(body: Body, choice: Choice) -> Body:
    if not choice.calls:
        return {"role": "assistant", "content": choice.text, "refusal": None}
    calls: list[JsonValue] = [
        {
            "id": f"call-{index}",
            "type": "function",
            "function": {"name": _tool(body), "arguments": arguments},
        }
        for index, arguments in enumerate(choice.calls)
    ]
    return {"role": "assistant", "content": None, "refusal": None, "tool_calls": calls}


def _tool(body: Body) -> str:
    """Return the name of the tool to call: the one that is named, or the first."""
    tools = body.get("tools")
    wanted: JsonValue = body.get("tool_choice")
    if not isinstance(wanted, dict):
        wanted = tools[0] if isinstance(tools, list) and tools else {}
    inner = wanted.get("function", wanted) if isinstance(wanted, dict) else {}
    return str(inner.get("name", "")) if isinstance(inner, dict) else ""


def _response(body: Body, head: Body, choice: Choice, usage: tuple[int, int]) -> Body:
    read, written = usage
    item: Body = {
        "type": "message",
        "id": "msg_0",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": choice.text, "annotations": []}],
    }
    if choice.calls:
        item = {"type": "function_call", "call_id": "call-0", "name": _tool(body), "arguments": choice.calls[0]}
    return {
        **head,
        "object": "response",
        "created_at": _CREATED,
        "status": "incomplete" if choice.cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if choice.cut else None,
        "output": [item],
        "parallel_tool_calls": True,
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools", []),
        "usage": {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read + written,
        },
    }


def _usage(read: int, written: int) -> Body:
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
