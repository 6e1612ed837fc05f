"""How a row ended, as a row of the result table."""

from __future__ import annotations

from llmbatch.cluster.engines.base import Answer
from llmbatch.core.rows import ResultRow, StagedRow
from llmbatch.core.states import RowState


def succeeded(row: StagedRow, answer: Answer, seconds: float) -> ResultRow:
    """Return the outcome of an answered row."""
    return ResultRow(
        row_id=row.row_id,
        custom_id=row.custom_id,
        line=row.line,
        kind=row.kind,
        state=RowState.SUCCEEDED.value,
        text=answer.text,
        finish_reason=answer.finish_reason,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        cached_tokens=answer.cached_tokens,
        seconds=seconds,
        attempts=1,
        error_class=None,
        error=None,
        request=None,
    )


def failed(row: StagedRow, error_class: str, error: str, seconds: float = 0.0, attempts: int = 1) -> ResultRow:
    """Return the outcome of a row that has no answer: its dead letter, with the request."""
    return ResultRow(
        row_id=row.row_id,
        custom_id=row.custom_id,
        line=row.line,
        kind=row.kind,
        state=RowState.FAILED.value,
        text=None,
        finish_reason=None,
        prompt_tokens=0,
        completion_tokens=0,
        cached_tokens=0,
        seconds=seconds,
        attempts=attempts,
        error_class=error_class,
        error=error,
        request=row.request,
    )
