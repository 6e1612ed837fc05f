"""Which columns of a table row hold its prompt when the request names none."""

from __future__ import annotations

from collections.abc import Collection

MESSAGE_COLUMNS = ("messages", "conversations")
"""Hold a chat: OpenAI's messages, or ShareGPT's conversations."""

COMPANIONS = {"instruction": ("input", "context"), "question": ("context",)}
"""Columns that belong to the prompt of another column (Alpaca, Dolly, SQuAD): its further paragraphs."""

DEFAULT_COLUMNS = (*MESSAGE_COLUMNS, "prompt", "text", "question", "instruction", "input")
"""Names that are recognised, in order; an ``instruction`` with its ``input`` or ``context`` precedes ``text``."""


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
