"""The accepted job: everything that stage, run and publish need, frozen in ``spec.json``."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, field_validator

from llmbatch.core.config_sections import HeartbeatConfig, StagingConfig
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.job_request import JobRequest
from llmbatch.core.layout import JobLayout
from llmbatch.core.request_options import InputFormat, OnDeadline, OutputFormat
from llmbatch.core.sampling import LONGEST_ANSWER

SPEC_VERSION = 1


class InputObject(BaseModel):
    """One input object in the version that was accepted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    uri: str
    etag: str
    size: int


class JobSpec(BaseModel):
    """A job request with every default resolved.

    ``retry_of`` is the root of the job whose rows are run again; ``request`` then has that job's input and prompt
    filled in, and its ``max_error_rate`` is a share of the rows that are run again. ``request_digest`` is that of the
    request as it was sent. ``max_tokens`` is the most that a row may set. ``fallback_model_uri`` is where
    the model is that ``request.reactions`` names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = SPEC_VERSION
    job_id: str
    dag_id: str
    run_id: str
    root_uri: str
    created_at: AwareDatetime
    deadline: AwareDatetime
    request: JobRequest
    input_format: InputFormat
    output_format: OutputFormat
    output_uri: str
    objects: tuple[InputObject, ...]
    model_name: str
    model_uri: str
    engine: EngineSettings
    staging: StagingConfig
    heartbeat: HeartbeatConfig
    max_tokens: int = LONGEST_ANSWER
    fallback_model_uri: str | None = None
    retry_of: str | None = None
    request_digest: str = ""

    @field_validator("input_format", "output_format")
    @classmethod
    def _resolved(cls, value: InputFormat | OutputFormat) -> InputFormat | OutputFormat:
        """Accept resolves ``auto``; every later step relies on a known format."""
        if value in (InputFormat.AUTO, OutputFormat.AUTO):
            raise ValueError("must be a resolved format, not auto")
        return value

    @property
    def layout(self) -> JobLayout:
        """Addresses under the job's folder."""
        return JobLayout(self.root_uri)

    @property
    def expires_at(self) -> datetime | None:
        """From when on no row begins; None if late rows are wanted too."""
        return self.deadline if self.request.on_deadline is OnDeadline.EXPIRE else None

    def model_name_of(self, uri: str) -> str:
        """Return the name, as requests use it, of the model at an address that answered rows of this job."""
        fallback = self.request.reactions.fallback_model
        return fallback if fallback is not None and uri == self.fallback_model_uri else self.model_name

    def seconds_left(self, now: datetime) -> float:
        """Seconds until the deadline; negative after it."""
        return (self.deadline - now).total_seconds()
