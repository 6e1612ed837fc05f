"""``batch_errors.json``: what is wrong with the input of a batch of OpenAI's API. Its existence means: no row ran."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.layout import JobLayout

MOST_ERRORS = 1000
"""Errors that are kept; the others are only counted."""


class BatchError(BaseModel):
    """One problem, in the form of OpenAI's API. ``line`` is the physical line, from 1; null: of the whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    message: str
    param: str | None = None
    line: int | None = None

    def text(self) -> str:
        """Return the problem as a part of a sentence."""
        where = "" if self.line is None else f"in line {self.line}: "
        return f"{where}{self.message.rstrip('.')} ({self.code})"


class BatchErrors(BaseModel):
    """All problems of one input. ``count`` counts those that ``errors`` has no room for, too."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    job_id: str
    written_at: AwareDatetime
    count: int
    errors: tuple[BatchError, ...]


def batch_errors_uri(layout: JobLayout) -> str:
    """Return the address of the document in a job's folder."""
    return f"{layout.root}/batch_errors.json"
