"""What a table shows of an answer: the values in the body of a response, by the endpoint that made it.

A body of another shape than its endpoint's gives nothing for what it lacks, never an error: the row was answered, and
its body is delivered as it is where a request wants that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from llmbatch.core.endpoints import Endpoint

_decode = json.JSONDecoder(parse_constant=lambda _: None).decode
"""Takes NaN and Infinity, which JSON does not have, as null."""

Answer = Mapping[str, object]
"""The values of a row by the name of their column, in the terms of JSON; a column that is not there is null."""


def answer_of(response: str | None, url: str) -> Answer:
    """Return what the body of a response holds for the columns of a table; nothing if there is no body.

    Args:
        response: the body as JSON text.
        url: the endpoint that the row was a request for.
    """
    read = _READERS.get(url)
    if response is None or read is None:
        return {}
    try:
        body = _decode(response)
    except (ValueError, RecursionError):
        return {}
    return read(_object(body))


def _chat(body: Mapping[str, object]) -> Answer:
    first = _first(body, "choices")
    message = _object(first.get("message"))
    return {
        **_choice(body, first),
        "text": _text(message.get("content")),
        "reasoning": _text(message.get("reasoning")) or _text(message.get("reasoning_content")),
        "tool_calls": _items(message.get("tool_calls")) or None,
    }


def _completion(body: Mapping[str, object]) -> Answer:
    first = _first(body, "choices")
    return {**_choice(body, first), "text": _text(first.get("text"))}


def _choice(body: Mapping[str, object], first: Mapping[str, object]) -> Answer:
    return {
        "finish_reason": _text(first.get("finish_reason")),
        "logprobs": first.get("logprobs"),
        "choices": _several(body, "choices"),
    }


def _responses(body: Mapping[str, object]) -> Answer:
    """Read the items of a response: its messages are the text, in order."""
    items = [_object(item) for item in _items(body.get("output"))]
    parts = [_object(part) for item in items if item.get("type") == "message" for part in _items(item.get("content"))]
    texts = [part for part in parts if part.get("type") == "output_text"]
    thoughts = [
        _object(part)
        for item in items
        if item.get("type") == "reasoning"
        for part in (_items(item.get("content")) or _items(item.get("summary")))
    ]
    calls = [item for item in items if str(item.get("type")).endswith("_call")]
    why = _object(body.get("incomplete_details")).get("reason")
    return {
        "text": _joined(texts),
        "reasoning": _joined(thoughts),
        "tool_calls": calls or None,
        "logprobs": [entry for part in texts for entry in _items(part.get("logprobs"))] or None,
        "finish_reason": _text(why) or _text(body.get("status")),
    }


def _transcription(body: Mapping[str, object]) -> Answer:
    return {"text": _text(body.get("text"))}


def _embedding(body: Mapping[str, object]) -> Answer:
    return {"embedding": _vector(_first(body, "data").get("embedding")), "choices": _several(body, "data")}


def _pooling(body: Mapping[str, object]) -> Answer:
    return {"embedding": _vector(_first(body, "data").get("data")), "choices": _several(body, "data")}


def _classification(body: Mapping[str, object]) -> Answer:
    first = _first(body, "data")
    scores = [_number(value) for value in _items(first.get("probs"))]
    return {"label": _text(first.get("label")), "scores": scores or None, "choices": _several(body, "data")}


def _score(body: Mapping[str, object]) -> Answer:
    return {"scores": _by_index(body.get("data"), "score")}


def _rerank(body: Mapping[str, object]) -> Answer:
    """Read the scores in the order of the documents; those that ``top_n`` left out are null."""
    return {"scores": _by_index(body.get("results"), "relevance_score")}


_READERS: dict[str, Callable[[Mapping[str, object]], Answer]] = {
    Endpoint.CHAT: _chat,
    Endpoint.COMPLETIONS: _completion,
    Endpoint.RESPONSES: _responses,
    Endpoint.TRANSCRIPTIONS: _transcription,
    Endpoint.EMBEDDINGS: _embedding,
    Endpoint.POOLING: _pooling,
    Endpoint.CLASSIFY: _classification,
    Endpoint.SCORE: _score,
    Endpoint.RERANK: _rerank,
}

_MOST_SCORES = 100_000
"""An index above this is a fault, which must not make a list of that length."""


def _by_index(value: object, name: str) -> list[float | None] | None:
    found: dict[int, float | None] = {}
    for entry in map(_object, _items(value)):
        place = entry.get("index")
        if isinstance(place, int) and 0 <= place < _MOST_SCORES:
            found[place] = _number(entry.get(name))
    return [found.get(place) for place in range(max(found) + 1)] if found else None


def _first(body: Mapping[str, object], name: str) -> Mapping[str, object]:
    items = _items(body.get(name))
    return _object(items[0]) if items else {}


def _several(body: Mapping[str, object], name: str) -> list[object] | None:
    items = _items(body.get(name))
    return items if len(items) > 1 else None


def _joined(parts: list[Mapping[str, object]]) -> str | None:
    texts = [text for part in parts if (text := _text(part.get("text"))) is not None]
    return "".join(texts) if texts else None


def _vector(value: object) -> object:
    """Return a list of numbers, lists of them, or base64 text."""
    return value if isinstance(value, (list, str)) and value else None


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, (int, float)) else None
    except OverflowError:
        return None
