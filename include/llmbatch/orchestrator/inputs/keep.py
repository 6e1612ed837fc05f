"""Which columns of a table come back with its answers: ``keep_columns`` of a request."""

from __future__ import annotations

from dataclasses import dataclass

from llmbatch.core.errors import RequestError
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import InputFormat, OutputFormat

STRICT_BYTES = 2**20
"""The most bytes of a row's kept columns where a request asks for them: a larger row fails."""

FIELD = "keep_columns"


@dataclass(frozen=True)
class Keep:
    """The kept columns of a job.

    Attributes:
        names: the columns; None: all that an object has.
        max_bytes: the most bytes that they may take in one row.
        is_strict: whether a row above that fails; else its columns do not come back.
    """

    names: tuple[str, ...] | None
    max_bytes: int
    is_strict: bool

    @classmethod
    def of(cls, spec: JobSpec) -> Keep | None:
        """Return what the job keeps; None if it keeps nothing.

        A retry keeps nothing of its own: its rows have the columns of the job that read the input.
        """
        wanted = spec.request.keep_columns
        is_table = spec.input_format in (InputFormat.PARQUET, InputFormat.CSV)
        if spec.retry_of is not None or spec.output_format is OutputFormat.OPENAI_BATCH or wanted in ("none", ()):
            return None
        if wanted is None:
            return cls(None, spec.staging.keep_bytes, is_strict=False) if is_table and spec.staging.keep_bytes else None
        return cls(wanted if isinstance(wanted, tuple) else None, STRICT_BYTES, is_strict=True)


def require_table(request: JobRequest, input_format: InputFormat, output_format: OutputFormat) -> None:
    """Refuse ``keep_columns`` where there are no columns to keep, or no columns to deliver.

    Raises:
        RequestError: input or output are OpenAI batch lines.
    """
    if request.keep_columns in (None, "none", ()):
        return
    if input_format is InputFormat.OPENAI_BATCH:
        raise RequestError(FIELD, "does not apply to OpenAI batch lines, which have no columns", "Leave it out.")
    if output_format is OutputFormat.OPENAI_BATCH:
        raise RequestError(
            FIELD, "does not apply to output as OpenAI batch lines", "Set output_format to parquet or jsonl."
        )
