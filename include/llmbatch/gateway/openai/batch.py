"""A batch as OpenAI's API shows it. Times are Unix seconds."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from llmbatch.core.batch_errors import BatchError

COMPLETION_WINDOW = "24h"
"""The only window of the API."""

WINDOW_HOURS = 24


class BatchStatus(StrEnum):
    """The states of the API; clients fail or wait for ever at any other name."""

    VALIDATING = "validating"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BatchErrorList(_Part):
    """Why a batch failed."""

    object: Literal["list"] = "list"
    data: tuple[BatchError, ...]


class RequestCounts(_Part):
    """Rows: all, in the output file, in the error file after they ran. Rows that never ran are in ``total`` only."""

    total: int = 0
    completed: int = 0
    failed: int = 0


class InputTokensDetails(_Part):
    """Of the input tokens."""

    cached_tokens: int


class OutputTokensDetails(_Part):
    """Of the output tokens."""

    reasoning_tokens: int


class BatchUsage(_Part):
    """Tokens of all rows."""

    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: OutputTokensDetails
    total_tokens: int


class Batch(_Part):
    """One batch. A time is null until its state is entered, and stays."""

    id: str
    object: Literal["batch"] = "batch"
    endpoint: str
    model: str | None = None
    errors: BatchErrorList | None = None
    input_file_id: str
    completion_window: str = COMPLETION_WINDOW
    status: BatchStatus
    output_file_id: str | None = None
    error_file_id: str | None = None
    created_at: int
    in_progress_at: int | None = None
    expires_at: int
    finalizing_at: int | None = None
    completed_at: int | None = None
    failed_at: int | None = None
    expired_at: int | None = None
    cancelling_at: int | None = None
    cancelled_at: int | None = None
    request_counts: RequestCounts = RequestCounts()
    usage: BatchUsage | None = None
    metadata: dict[str, str] | None = None


class BatchPage(_Part):
    """Some batches of a user, the newest first. The next page begins ``after`` the last of them."""

    object: Literal["list"] = "list"
    data: tuple[Batch, ...]
    first_id: str | None
    last_id: str | None
    has_more: bool

    @classmethod
    def of(cls, batches: tuple[Batch, ...], *, has_more: bool) -> BatchPage:
        """Return the page of these batches."""
        ids: tuple[str | None, ...] = tuple(batch.id for batch in batches) or (None,)
        return cls(data=batches, first_id=ids[0], last_id=ids[-1], has_more=has_more)
