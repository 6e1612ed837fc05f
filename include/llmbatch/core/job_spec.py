"""The accepted job: everything that stage, run and publish need, frozen in ``spec.json``."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError, field_validator

from llmbatch.core.config_sections import HeartbeatConfig, StagingConfig
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.errors import OtherVersion, SpecError
from llmbatch.core.job_request import JobRequest
from llmbatch.core.layout import JobLayout
from llmbatch.core.request_options import InputFormat, OnCancel, OnDeadline, OutputFormat
from llmbatch.core.sampling import LONGEST_ANSWER
from llmbatch.core.serving import Serving
from llmbatch.core.shown import shown
from llmbatch.core.stored import origin_of, reason_of, unknown_fields
from llmbatch.core.tuned import TunedChoice
from llmbatch.version import VERSION

SPEC_VERSION = 1


class InputObject(BaseModel):
    """One input object in the version that was accepted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    uri: str
    etag: str
    size: int


class InputSummary(BaseModel):
    """The size of a job's input, and the SHA-256 of the list of its objects, which is a document of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    objects: int
    bytes: int
    sha256: str


class JobSpec(BaseModel):
    """A job request with every default resolved.

    A field that a later version adds is written only if it is not the default, and that means what versions without
    the field do: they run a job that does not use it, and refuse one that does (ADR 21). ``versions`` names the
    llmbatch that accepted the job.

    ``retry_of`` is the root of the job whose rows are run again; ``request`` then has that job's input and prompt
    filled in, and its ``max_error_rate`` is a share of the rows that are run again. ``request_digest`` is that of the
    request as it was sent. ``owner`` is the Airflow user who triggered the DAG run, empty for a scheduled run.
    ``max_tokens`` is the most that a row may set. ``tuned`` are the adopted settings of the model that ``engine`` has;
    null: none. ``serving`` is what that model's engine answers. ``fallback_model_uri`` and ``fallback_serving`` are of
    the model that ``request.reactions`` names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = SPEC_VERSION
    versions: dict[str, str] = {}
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
    inputs: InputSummary
    model_name: str
    model_uri: str
    serving: Serving = Serving()
    engine: EngineSettings
    tuned: TunedChoice | None = None
    staging: StagingConfig
    heartbeat: HeartbeatConfig
    max_tokens: int = LONGEST_ANSWER
    fallback_model_uri: str | None = None
    fallback_serving: Serving | None = None
    retry_of: str | None = None
    request_digest: str = ""
    owner: str = ""

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

    @property
    def delivers_on_cancel(self) -> bool:
        """Whether a cancel ends the rows without an outcome as cancelled and the job is delivered."""
        return self.request.on_cancel is OnCancel.DELIVER

    def model_name_of(self, uri: str) -> str:
        """Return the name, as requests use it, of the model at an address that answered rows of this job."""
        fallback = self.request.reactions.fallback_model
        return fallback if fallback is not None and uri == self.fallback_model_uri else self.model_name

    def seconds_left(self, now: datetime) -> float:
        """Seconds until the deadline; negative after it."""
        return (self.deadline - now).total_seconds()


def parse_spec(job_uri: str, body: bytes, *, is_strict: bool = True) -> JobSpec:
    """Return the spec that ``body``, the ``spec.json`` of the job folder ``job_uri``, holds.

    It must name that folder and no other: later steps write to the addresses that it holds. Fields that this version
    does not know are refused, and ignored if not ``is_strict``.

    Raises:
        SpecError: the text is no spec, or one of another folder.
        OtherVersion: another version of llmbatch wrote it, with fields, values or a format that this one does not know.
    """
    layout = JobLayout(job_uri)
    try:
        spec = JobSpec.model_validate_json(body, extra="forbid" if is_strict else "ignore")
    except ValidationError as error:
        raise _refusal(layout.spec, body, error) from None
    if spec.schema_version > SPEC_VERSION:
        raise _refusal(layout.spec, body)
    if not layout.is_job or (spec.root_uri, spec.job_id) != (layout.root, layout.job_id):
        raise SpecError(layout.spec, f"is the spec of {spec.job_id!r} in {spec.root_uri!r}")
    earlier = None if spec.retry_of is None else JobLayout(spec.retry_of)
    if earlier is not None and not (earlier.is_job and earlier.base == layout.base):
        raise SpecError(layout.spec, f"retries {spec.retry_of!r}, which is not a job under {layout.base}")
    return spec


def _refusal(uri: str, body: bytes, error: ValidationError | None = None) -> SpecError:
    """Return why a spec cannot be used: it is damaged, or of another version."""
    origin, unknown = origin_of(body), unknown_fields(JobSpec, body)
    is_later = origin.schema_version > SPEC_VERSION
    if is_later or error is None:
        problem = f"the format {origin.schema_version} is later than {SPEC_VERSION}, the last known one"
    else:
        problem = reason_of(error)
    if is_later or origin.llmbatch not in {"", VERSION}:
        named = f"{', '.join(unknown)} is not known" if unknown and not is_later else problem
        return OtherVersion(uri, named, shown(origin.llmbatch) or "of an unknown version", VERSION)
    return SpecError(uri, f"is not a job's spec: {problem}")
