"""The texts in the body of a request, for the fake engine."""

from __future__ import annotations

from pydantic import JsonValue

from llmbatch.cluster.engines.base import Body
from llmbatch.core.endpoints import Endpoint, Task
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass

_INPUTS = ("input", "prompt", "queries", "query", "text_1", "data_1")
_DOCUMENTS = ("documents", "text_2", "data_2")


def prompts_of(endpoint: Endpoint, body: Body) -> list[str]:
    """Return the text of each prompt: the last message of a chat, each text of a list, each document of a score.

    Raises:
        RowError: INVALID, if there is none.
    """
    keys = _DOCUMENTS if endpoint.task is Task.SCORE else ("messages", *_INPUTS)
    key = next((key for key in keys if body.get(key) is not None), None)
    if key is None:
        raise RowError(ErrorClass.INVALID, "the request has no prompt")
    is_talk = key == "messages" or endpoint is Endpoint.RESPONSES
    return [_last(body[key])] if is_talk else _texts(body[key])


def query_of(body: Body) -> str:
    """Return the text that documents are scored against."""
    return " ".join(text for key in _INPUTS if key in body for text in _texts(body[key]))


def _last(value: JsonValue) -> str:
    """Return the text of the last message, or the text itself."""
    if isinstance(value, list):
        value = value[-1] if value else ""
    return _text(value.get("content") if isinstance(value, dict) else value)


def _texts(value: JsonValue) -> list[str]:
    """Return a text, each of several, or token ids as words."""
    if isinstance(value, list) and all(isinstance(each, int) for each in value):
        return [_text(value)]
    return [_text(each) for each in value] if isinstance(value, list) else [_text(value)]


def _text(value: JsonValue) -> str:
    if isinstance(value, list):
        return " ".join(_text(each) for each in value)
    if isinstance(value, dict):
        return _text(value.get("text"))
    return "" if value is None else str(value)
