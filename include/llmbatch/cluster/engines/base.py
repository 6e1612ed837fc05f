"""The interface of an engine: it answers many rows at a time, and fails rows one at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from llmbatch.core.errors import RowError
from llmbatch.core.rows import StagedRow
from llmbatch.core.sampling import Sampling
from llmbatch.core.states import ErrorClass

_TEXT_PARTS = ("text", "input_text")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine answered to one row, and what it cost in tokens."""

    text: str
    finish_reason: str | None
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class InFlight:
    """Tokens that an engine counts now. ``prompt_read`` is a part of ``prompt_open``.

    Attributes:
        ended: output tokens of all rows that have left the engine since its start, also of those that failed after it.
        generated: output tokens of rows without an answer.
        prompt_read: prompt tokens of open rows whose prompt is read.
        prompt_open: prompt tokens of all open rows.
    """

    ended: int = 0
    generated: int = 0
    prompt_read: int = 0
    prompt_open: int = 0


class Engine(Protocol):
    """Answers rows. Used from one event loop; ``generate`` runs many times at once."""

    async def start(self) -> None:
        """Load the model. Raises the engine's own error if it cannot."""

    async def generate(self, row: StagedRow) -> Answer:
        """Answer one row.

        Raises:
            RowError: this row cannot be answered; other rows are not affected.
            EngineDiedError: no row can be answered any more.
        """

    def in_flight(self) -> InFlight | None:
        """Return the tokens of the rows inside; None if the engine does not report them. Called every second."""

    async def close(self) -> None:
        """Free what the engine holds. Does not wait for rows."""


class EngineDiedError(Exception):
    """The engine is gone; its replica must be replaced."""


@dataclass(frozen=True, slots=True)
class RowRequest:
    """A staged row's request, parsed: ``messages`` for chat rows, ``prompt`` for completion rows."""

    messages: list[dict[str, Any]] | None
    prompt: str | None
    sampling: Sampling
    output_schema: dict[str, Any] | None


def parse_row(row: StagedRow) -> RowRequest:
    """Parse the request text of a row.

    Staging validates rows already; this is the second gate, so that nothing unchecked reaches an engine.

    Raises:
        RowError: INVALID, naming what is wrong.
    """
    try:
        data = json.loads(row.request)
        if not isinstance(data, dict):
            raise _invalid("the request is not a JSON object")
        sampling = Sampling.model_validate(data.get("sampling") or {})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "sampling"
        raise _invalid(f"sampling.{field}: {first['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise _invalid(f"the request is not JSON: {error}") from None
    schema = data.get("output_schema")
    if schema is not None and not isinstance(schema, dict):
        raise RowError(ErrorClass.SCHEMA, "output_schema is not a JSON object")
    if row.kind == "chat":
        return RowRequest(_messages(data.get("messages")), None, sampling, schema)
    prompt = data.get("prompt")
    if not isinstance(prompt, str) or not prompt:
        raise _invalid("prompt is not a text or is empty")
    return RowRequest(None, prompt, sampling, schema)


def _messages(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        raise _invalid("messages is not a list or is empty")
    for index, message in enumerate(value):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise _invalid(f"messages[{index}] is not an object with a role")
        content = message.get("content")
        if isinstance(content, list):
            # Images and the like name addresses that vLLM would fetch from inside the cluster; texts only.
            texts = all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in content)
            if not texts or any(part.get("type", "text") not in _TEXT_PARTS for part in content):
                raise _invalid(f"messages[{index}].content holds a part that is not text")
        elif not isinstance(content, str):
            raise _invalid(f"messages[{index}].content is not a text")
    return value


def _invalid(message: str) -> RowError:
    return RowError(ErrorClass.INVALID, message)
