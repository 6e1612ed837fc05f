"""One row of an input as it will be asked, cut to what a page can show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from llmbatch.core.endpoints import Endpoint
from llmbatch.core.rows import StagedRow
from llmbatch.orchestrator.inputs.body_keys import CONTENT_KEYS

MOST_CHARS = 1900
"""Of each text that is shown; `shown` cuts lines a little above."""
MOST_TURNS = 20
"""Messages of a row that are shown."""


@dataclass(frozen=True)
class Turn:
    """One message, or another part of what is asked: who says it, and what."""

    role: str
    text: str


@dataclass(frozen=True)
class ShownRow:
    """One row. All texts are from outside and have at most ``MOST_CHARS`` characters and the words about the rest.

    Attributes:
        line: its number.
        custom_id: its id, None without one.
        endpoint: what it is a request for.
        turns: what is asked; of an unreadable row, nothing.
        left_out: messages that are not among them.
        parameters: the other fields of its request, as JSON.
        error: why it cannot be read; None if it can.
        raw: the start of its text, of an unreadable row.
    """

    line: int
    custom_id: str | None
    endpoint: str
    turns: tuple[Turn, ...] = ()
    left_out: int = 0
    parameters: str = ""
    error: str | None = None
    raw: str = ""


def shown_row(row: StagedRow) -> ShownRow:
    """Return a row as it is shown."""
    if row.error is not None:
        return ShownRow(row.line, row.custom_id, row.url, error=cut(row.error), raw=cut(row.request))
    body: dict[str, object] = json.loads(row.request)
    contents = CONTENT_KEYS[Endpoint(row.url)]
    turns = [turn for key, value in body.items() if key in contents for turn in _turns(key, value)]
    parameters = {key: value for key, value in body.items() if key not in contents}
    return ShownRow(
        row.line,
        row.custom_id,
        row.url,
        turns=tuple(turns[:MOST_TURNS]),
        left_out=max(0, len(turns) - MOST_TURNS),
        parameters=cut(_json(parameters)) if parameters else "",
    )


def cut(text: str, most: int = MOST_CHARS) -> str:
    """Return the start of a text, and how long it is if that is not all of it."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters in all)"


def _turns(key: str, value: object) -> list[Turn]:
    if key == "messages" and isinstance(value, list):
        return [_message(each) for each in value]
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return [Turn(key, cut(each)) for each in value]
    return [Turn(key, cut(_text(value)))]


def _message(value: object) -> Turn:
    if not isinstance(value, Mapping):
        return Turn("", cut(_text(value)))
    rest = {key: each for key, each in value.items() if key not in ("role", "content") and each is not None}
    content = value.get("content")
    parts = [_part(each) for each in content] if isinstance(content, list) else [_text(content)]
    texts = [*(part for part in parts if part), *([_json(rest)] if rest else [])]
    return Turn(cut(str(value.get("role", "")), 40), cut("\n".join(texts)))


def _part(value: object) -> str:
    """Return a part of a message: its text, else its JSON, in which an image is a long text."""
    if isinstance(value, Mapping) and isinstance(text := value.get("text"), str):
        return text
    return cut(_text(value), 300)


def _text(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
