"""The two tables that cross between rooms: staged rows (input) and result rows (outcome)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from llmbatch.core.sampling import DEFAULT_MAX_TOKENS

RowKind = Literal["chat", "completion"]


@dataclass(frozen=True, slots=True)
class StagedRow:
    """One input row in a staged shard.

    Attributes:
        request: JSON text, ``{"messages": [...]}`` or ``{"prompt": "..."}``, with ``sampling`` (see ``core.sampling``)
            and an optional ``output_schema``. Of an unreadable row: the start of its raw text.
        input_chars: characters of the prompt.
        max_tokens: the ``max_tokens`` of the request's sampling; None if it sets none, as in an unreadable row.
        error_class: set only for an unreadable row, which never reaches an engine.
        error: the reason, set with ``error_class``.
    """

    row_id: str
    custom_id: str | None
    line: int
    kind: RowKind
    request: str
    input_chars: int
    max_tokens: int | None
    error_class: str | None
    error: str | None

    @property
    def answer_limit(self) -> int:
        """The maximum number of output tokens of the row's answer."""
        return self.max_tokens if self.max_tokens is not None else DEFAULT_MAX_TOKENS


@dataclass(frozen=True, slots=True)
class ResultRow:
    """How one input row ended. ``request`` is kept for failed rows only (the dead letter)."""

    row_id: str
    custom_id: str | None
    line: int
    kind: RowKind
    state: str
    text: str | None
    finish_reason: str | None
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    seconds: float
    attempts: int
    error_class: str | None
    error: str | None
    request: str | None


Column = tuple[str, str]
"""Name and Arrow type alias of one column."""

STAGED_COLUMNS: tuple[Column, ...] = (
    ("row_id", "string"),
    ("custom_id", "string"),
    ("line", "int64"),
    ("kind", "string"),
    ("request", "string"),
    ("input_chars", "int64"),
    ("max_tokens", "int32"),
    ("error_class", "string"),
    ("error", "string"),
)
RESULT_COLUMNS: tuple[Column, ...] = (
    ("row_id", "string"),
    ("custom_id", "string"),
    ("line", "int64"),
    ("kind", "string"),
    ("state", "string"),
    ("text", "string"),
    ("finish_reason", "string"),
    ("prompt_tokens", "int64"),
    ("completion_tokens", "int64"),
    ("cached_tokens", "int64"),
    ("seconds", "float64"),
    ("attempts", "int32"),
    ("error_class", "string"),
    ("error", "string"),
    ("request", "string"),
)

for _row, _columns in ((StagedRow, STAGED_COLUMNS), (ResultRow, RESULT_COLUMNS)):
    if [f.name for f in fields(_row)] != [name for name, _ in _columns]:
        raise TypeError(f"columns of {_row.__name__} do not match its fields")

META_KEY = b"llmbatch"
"""Parquet schema metadata key under which a result shard keeps its ``ShardTally`` as JSON."""
