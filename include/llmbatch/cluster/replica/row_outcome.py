"""How a row ended, as a row of the result table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from llmbatch.cluster.engines.base import Answer
from llmbatch.core.rows import ResultRow, StagedRow
from llmbatch.core.states import ErrorClass, RowState


def succeeded(row: StagedRow, answer: Answer, seconds: float) -> ResultRow:
    """Return the outcome of an answered row."""
    return ResultRow(
        row_id=row.row_id,
        custom_id=row.custom_id,
        line=row.line,
        url=row.url,
        state=RowState.SUCCEEDED.value,
        response=answer.body,
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
    return _unanswered(row, RowState.FAILED, error_class, error, seconds, attempts)


def poisoned(row: StagedRow, crashes: int) -> ResultRow:
    """Return the outcome of a row that crashed an engine in which nothing else was."""
    error = f"the engine crashed {crashes} times with this row in it, the last time with no other"
    return _unanswered(row, RowState.FAILED, ErrorClass.POISON.value, error, 0.0, crashes)


def unanswerable(row: StagedRow, poison: Mapping[str, int]) -> ResultRow | None:
    """Return the outcome of a row that must not reach an engine; None if the row may.

    Args:
        row: a staged row.
        poison: how many engines each row has crashed, by row id.
    """
    if row.row_id in poison:
        return poisoned(row, poison[row.row_id])
    if row.error_class is not None:
        return failed(row, row.error_class, row.error or "", attempts=0)
    return None


def expired(row: StagedRow, deadline: datetime) -> ResultRow:
    """Return the outcome of a row that had not begun when the job's deadline passed."""
    error = f"the deadline {deadline.isoformat(timespec='seconds')} passed before the row began"
    return _unanswered(row, RowState.EXPIRED, None, error, 0.0, 0)


def cancelled(row: StagedRow, seconds: float | None = None) -> ResultRow:
    """Return the outcome of a row whose job was cancelled.

    Args:
        row: the row.
        seconds: how long it was in an engine; None: it had not begun.
    """
    begun = seconds is not None
    error = f"the job was cancelled before the row {'was answered' if begun else 'began'}"
    return _unanswered(row, RowState.CANCELLED, None, error, seconds or 0.0, int(begun))


def _unanswered(
    row: StagedRow, state: RowState, error_class: str | None, error: str, seconds: float, attempts: int
) -> ResultRow:
    return ResultRow(
        row_id=row.row_id,
        custom_id=row.custom_id,
        line=row.line,
        url=row.url,
        state=state.value,
        response=None,
        prompt_tokens=0,
        completion_tokens=0,
        cached_tokens=0,
        seconds=seconds,
        attempts=attempts,
        error_class=error_class,
        error=error,
        request=row.request,
    )
