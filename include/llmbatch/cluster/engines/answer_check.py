"""Whether what an engine ended a row with is an answer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from llmbatch.cluster.engines.demand import Demand
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass

_BROKEN_OFF = ("error", "abort")
"""vLLM's reasons of rows that the engine gave up, at whatever token they were."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers of a row.

    Attributes:
        text: what the model wrote, without its reasoning and its calls of tools.
        calls: the arguments of each call of a tool.
        cut: whether it ended at its limit of tokens.
    """

    text: str
    calls: tuple[str, ...] = ()
    cut: bool = False


def require_end(finish_reason: str | None, tokens: int) -> None:
    """Refuse an ending that is the engine's, not the model's, after ``tokens`` output tokens. Raises ``RowError``."""
    if finish_reason in _BROKEN_OFF:
        raise RowError(
            ErrorClass.ENGINE,
            f"the engine ended the row with finish_reason {finish_reason!r} after {tokens} tokens; "
            "run it again with retry_failed_of",
        )


def require_demand(choices: Iterable[Choice], tokens: int, demand: Demand) -> None:
    """Refuse answers that are not what the request requires. One that was cut off is a failed row, not broken output.

    Args:
        choices: the answers of one row.
        tokens: output tokens of all of them.
        demand: what the request requires of each.

    Raises:
        RowError: SCHEMA.
    """
    for choice in choices:
        hint = "; raise max_tokens" if choice.cut else ""
        if demand.calls and not (choice.calls and all(_is_json(each) for each in choice.calls)):
            raise RowError(ErrorClass.SCHEMA, f"the answer has no complete call of a tool after {tokens} tokens{hint}")
        if demand.json and not choice.calls and not _is_json(choice.text):
            raise RowError(ErrorClass.SCHEMA, f"the answer is not complete JSON after {tokens} tokens{hint}")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
