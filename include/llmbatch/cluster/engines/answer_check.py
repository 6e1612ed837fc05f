"""Whether what an engine ended a row with is an answer."""

from __future__ import annotations

import json

from llmbatch.cluster.engines.base import Answer
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass

_BROKEN_OFF = ("error", "abort")
"""vLLM's reasons of rows that the engine gave up, at whatever token they were."""


def require_answer(answer: Answer, *, as_json: bool) -> None:
    """Refuse an ending that is no answer.

    Args:
        answer: how the engine ended the row.
        as_json: whether the row has a schema. Then an answer that was cut off is a failed row, not broken output.

    Raises:
        RowError: ENGINE, if the engine broke the row off; SCHEMA, if the text is not JSON although it should be.
    """
    if answer.finish_reason in _BROKEN_OFF:
        raise RowError(
            ErrorClass.ENGINE,
            f"the engine ended the row with finish_reason {answer.finish_reason!r} after {answer.completion_tokens} "
            "tokens; run it again with retry_failed_of",
        )
    if not as_json:
        return
    try:
        json.loads(answer.text)
    except (ValueError, RecursionError):
        hint = "; raise max_tokens" if answer.finish_reason == "length" else ""
        raise RowError(
            ErrorClass.SCHEMA, f"the answer is not complete JSON after {answer.completion_tokens} tokens{hint}"
        ) from None
