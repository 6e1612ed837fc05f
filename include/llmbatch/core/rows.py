"""The two tables that cross between rooms: staged rows (input) and result rows (outcome)."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class StagedRow:
    """One input row in a staged shard.

    Attributes:
        url: the endpoint (``core.endpoints.Endpoint``) that the request is for.
        request: the body of the request as JSON text: what the row and the job ask for, merged. It has no ``stream``,
            and a ``model`` only where that names an adapter. A body of an endpoint that generates has a limit of its
            answer (``ANSWER_LIMITS``). Of an unreadable row: the start of its raw text.
        input_chars: characters of the prompt; of several prompts, of all of them.
        answer_limit: the most output tokens of all its answers together; 0 where none is written, and of an
            unreadable row.
        error_class: set only for an unreadable row, which never reaches an engine.
        error: the reason, set with ``error_class``.
    """

    row_id: str
    custom_id: str | None
    line: int
    url: str
    request: str
    input_chars: int
    answer_limit: int
    error_class: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class ResultRow:
    """How one input row ended.

    Attributes:
        response: the body of the response as JSON text, as vLLM made it; None for a row without an answer.
        request: kept for rows without an answer only (the dead letter).
    """

    row_id: str
    custom_id: str | None
    line: int
    url: str
    state: str
    response: str | None
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
    ("url", "string"),
    ("request", "string"),
    ("input_chars", "int64"),
    ("answer_limit", "int64"),
    ("error_class", "string"),
    ("error", "string"),
)
RESULT_COLUMNS: tuple[Column, ...] = (
    ("row_id", "string"),
    ("custom_id", "string"),
    ("line", "int64"),
    ("url", "string"),
    ("state", "string"),
    ("response", "string"),
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
