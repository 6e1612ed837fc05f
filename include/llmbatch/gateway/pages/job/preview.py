"""The first rows of a job as they were asked, and the first rows with an outcome."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final

from llmbatch.core.errors import ObjectMissing
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.pages.job.stored_rows import MOST_BYTES, Row, TooLarge, cut, first_rows

MOST_ROWS = 5
MOST_PARTS = 12
"""Messages of one request that are shown."""

_ID_CHARS = 200
_LISTED = 20
_ASKED = ("custom_id", "line", "url", "request", "error")
_ANSWERED = ("custom_id", "line", "url", "state", "response", "error")
_SPOKEN = ("messages", "prompt", "input", "text_1", "text_2", "query", "documents")
"""Fields of a request that are its prompt."""


class Side(StrEnum):
    """Which rows."""

    INPUT = "input"
    OUTPUT = "output"


NONE_YET: Final[Mapping[Side, str]] = {
    Side.INPUT: "No row is staged: the job has not begun with its input, or its staged rows were removed after its "
    "end.",
    Side.OUTPUT: "No shard is committed yet. Rows appear here with the first one.",
}
"""Why there is nothing to see."""


@dataclass(frozen=True)
class ShownRow:
    """One row.

    Attributes:
        line: of the input.
        custom_id: the row's own name.
        parts: who says what: the messages of a request, or the text of an answer.
        settings: the rest of the request as JSON; empty if there is none.
        state: how the row ended; empty for a request.
        error: why the row failed or cannot be asked; empty if it can.
    """

    line: int
    custom_id: str
    parts: tuple[tuple[str, str], ...]
    settings: str = ""
    state: str = ""
    error: str = ""


@dataclass(frozen=True)
class Preview:
    """Some rows, or why there are none."""

    rows: tuple[ShownRow, ...] = ()
    why: str = ""


def preview(side: Side, spec: JobSpec, store: ObjectStore) -> Preview:
    """Return the first rows of a job. Blocks; reads one shard at most.

    Raises:
        StoreError: the store failed.
    """
    import pyarrow as pa  # here, because only previews need it

    try:
        rows = _asked_rows(spec, store) if side is Side.INPUT else _answered_rows(spec, store)
    except TooLarge:
        return Preview(why=f"The first shard has more than {MOST_BYTES >> 20} MiB, so it is not shown here.")
    except (pa.ArrowException, OSError):
        return Preview(why="The first shard cannot be read.")
    return Preview(rows, "" if rows else NONE_YET[side])


def _asked_rows(spec: JobSpec, store: ObjectStore) -> tuple[ShownRow, ...]:
    try:
        info = store.head(spec.layout.staged_shard("shard-00000"))
    except ObjectMissing:
        return ()
    return tuple(_asked(row) for row in first_rows(info, _ASKED, MOST_ROWS, store))


def _answered_rows(spec: JobSpec, store: ObjectStore) -> tuple[ShownRow, ...]:
    listed = islice(store.list(spec.layout.results), _LISTED)
    info = next((info for info in listed if JobLayout.shard_of(info.uri)), None)
    return () if info is None else tuple(_answered(row) for row in first_rows(info, _ANSWERED, MOST_ROWS, store))


def _asked(row: Row) -> ShownRow:
    text = _text(row["request"])
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return _row(row, (("row", cut(text)),))
    settings = {name: value for name, value in body.items() if name not in _SPOKEN}
    return _row(row, _parts(body), settings=cut(json.dumps(settings, ensure_ascii=False, indent=1)) if settings else "")


def _parts(body: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Return the messages of a chat, and other prompts under the name of their field."""
    found: list[tuple[str, str]] = []
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else []:
        each = message if isinstance(message, dict) else {"content": message}
        found.append((cut(_text(each.get("role")), 40) or "message", cut(_text(each.get("content")))))
    found += [(name, cut(_text(body[name]))) for name in _SPOKEN[1:] if name in body]
    more = len(found) - MOST_PARTS
    return (*found[:MOST_PARTS], ("…", f"{more} more messages")) if more > 0 else tuple(found)


def _answered(row: Row) -> ShownRow:
    from llmbatch.orchestrator.publishing.answers import answer_of

    response = row["response"]
    answer = answer_of(response, _text(row["url"])) if isinstance(response, str) else {}
    known = [(name, cut(_text(answer[name]))) for name in ("reasoning", "text", "tool_calls") if answer.get(name)]
    if not known and isinstance(response, str):
        known = [("response", cut(response))]
    return _row(row, tuple(known), state=_text(row["state"]))


def _row(row: Row, parts: tuple[tuple[str, str], ...], *, settings: str = "", state: str = "") -> ShownRow:
    line = row["line"]
    return ShownRow(
        line=line if isinstance(line, int) else 0,
        custom_id=cut(_text(row["custom_id"]), _ID_CHARS),
        parts=parts,
        settings=settings,
        state=state,
        error=cut(_text(row["error"])),
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
