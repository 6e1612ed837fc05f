"""The interface of an engine: it answers many rows at a time, and fails rows one at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import RowError
from llmbatch.core.progress import EngineUse
from llmbatch.core.rows import StagedRow
from llmbatch.core.states import ErrorClass

Body = dict[str, JsonValue]
"""The body of a request or of a response."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine answered to one row, and what it cost in tokens: of all its prompts and all its answers.

    Attributes:
        body: the body of the response as JSON text, as vLLM's server has it.
    """

    body: str
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

    async def generate(self, row: StagedRow, request_id: str) -> Answer:
        """Answer one row. ``request_id`` is in the id of the response.

        Raises:
            RowError: this row cannot be answered; other rows are not affected.
            EngineDiedError: no row can be answered any more.
        """

    def in_flight(self) -> InFlight | None:
        """Return the tokens of the rows inside; None if the engine does not report them. Called every second."""

    def statistics(self) -> EngineUse | None:
        """Return what the engine has counted since its start; None without ``engine.statistics``."""

    async def close(self) -> None:
        """Free what the engine holds. Does not wait for rows."""


class Media(Protocol):
    """Reads the images and the audio that a request names by address."""

    async def inlined(self, body: Body) -> Body:
        """Return the body with their bytes in place of the addresses. Raises ``RowError``."""


class EngineDiedError(Exception):
    """The engine is gone; its replica must be replaced."""


def parse_row(row: StagedRow) -> tuple[Endpoint, Body]:
    """Return the endpoint of a row and the body of its request.

    Staging validates rows already; this is the second gate, so that nothing unchecked reaches an engine.

    Raises:
        RowError: INVALID, naming what is wrong.
    """
    try:
        endpoint = Endpoint(row.url)
    except ValueError:
        known = ", ".join(Endpoint)
        raise RowError(ErrorClass.INVALID, f"url {row.url!r} names no endpoint; use one of {known}") from None
    try:
        body = json.loads(row.request)
    except (ValueError, RecursionError) as error:
        raise RowError(ErrorClass.INVALID, f"the request is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise RowError(ErrorClass.INVALID, "the request is not a JSON object")
    return endpoint, body
