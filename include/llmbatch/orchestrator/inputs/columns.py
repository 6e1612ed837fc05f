"""Which columns of a table row hold its prompt when the request names none."""

from __future__ import annotations

from collections.abc import Collection

from llmbatch.core.endpoints import Endpoint, Task

MESSAGE_COLUMNS = ("messages", "conversations")
"""Hold a chat: OpenAI's messages, or ShareGPT's conversations."""

COMPANIONS = {"instruction": ("input", "context"), "question": ("context",)}
"""Columns that belong to the prompt of another column (Alpaca, Dolly, SQuAD): its further paragraphs."""

DEFAULT_COLUMNS = (*MESSAGE_COLUMNS, "prompt", "text", "question", "instruction", "input")
"""Names that are recognised, in order; an ``instruction`` with its ``input`` or ``context`` precedes ``text``."""

PAIRS = (("text_1", "text_2"), ("query", "document"), ("queries", "documents"))
"""Columns whose texts are scored against each other, in the order of preference."""

_TABLE_ENDPOINTS = {
    Task.GENERATE: Endpoint.CHAT,
    Task.EMBED: Endpoint.EMBEDDINGS,
    Task.CLASSIFY: Endpoint.CLASSIFY,
    Task.SCORE: Endpoint.SCORE,
}


def table_endpoint(task: Task) -> Endpoint:
    """Return the endpoint that the rows of a table are requests for."""
    return _TABLE_ENDPOINTS[task]


def pair_columns(available: Collection[str]) -> tuple[str, str] | None:
    """Return the two columns that are scored, or None if there is no such pair."""
    return next((pair for pair in PAIRS if all(name in available for name in pair)), None)


def default_columns(available: Collection[str]) -> tuple[str, ...] | None:
    """Return the prompt's column and the columns that belong to it, or None if no name is recognised.

    ``instruction``, ``input``, ``output``, ``text`` give ``instruction`` and ``input``; ``question``, ``answer`` give
    ``question``.
    """
    names = [name for name in DEFAULT_COLUMNS if name in available]
    if not names:
        return None
    main = names[0]
    if main == "text" and companions("instruction", available):
        main = "instruction"
    return main, *companions(main, available)


def companions(main: str, available: Collection[str]) -> tuple[str, ...]:
    """Return the available columns that belong to the prompt of ``main``."""
    return tuple(name for name in COMPANIONS.get(main, ()) if name in available)
