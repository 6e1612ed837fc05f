"""The parts of the gateway's answers that the commands show. ``--json`` prints the answers as they come."""

from __future__ import annotations

from typing import TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue, ValidationError

from llmbatch.cli.client.exits import CommandError, Exit

FINISHED = {"succeeded", "failed"}
"""States of a job that is over."""


class Answer(BaseModel):
    """What a server sent; other fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Admission(Answer):
    """The decision at the submission."""

    verdict: str
    eta_p50: float | None = None
    eta_p90: float | None = None
    reason: str = ""


class Started(Answer):
    """A job that was started."""

    job_id: str
    dag_run_id: str
    state: str
    deadline: AwareDatetime
    admission: Admission | None = None


class Rows(Answer):
    """Rows by outcome."""

    total: int | None = None
    succeeded: int = 0
    failed: int = 0
    expired: int = 0
    cancelled: int = 0

    @property
    def ended(self) -> int:
        """Rows that have an outcome."""
        return self.succeeded + self.failed + self.expired + self.cancelled


class Throughput(Answer):
    """What a job does now."""

    rows_per_second: float | None = None
    tokens_per_second: float | None = None


class Tokens(Answer):
    """Tokens of answered rows."""

    prompt: int = 0
    completion: int = 0


class Replicas(Answer):
    """Engines that answer, and engines that are requested."""

    live: int = 0
    wanted: int = 0


class Alert(Answer):
    """One alert."""

    level: str
    raised_at: AwareDatetime
    reason: str = ""


class JobError(Answer):
    """Why a job failed."""

    task: str
    message: str


class JobEntry(Answer):
    """A job of a list."""

    job_id: str
    state: str
    phase: str
    model: str | None
    owner: str
    created_at: AwareDatetime
    deadline: AwareDatetime
    progress_pct: float
    eta_hours: float | None = None
    sla_remaining_hours: float
    status: str | None = None


class QueueEntry(JobEntry):
    """A job that is not over."""

    position: int
    priority: int
    predicted_start: AwareDatetime | None = None
    predicted_end: AwareDatetime | None = None


class Job(JobEntry):
    """One job."""

    finished_at: AwareDatetime | None = None
    eta_p10_hours: float | None = None
    eta_p90_hours: float | None = None
    miss_probability: float | None = None
    status_reason: str = ""
    rows: Rows = Rows()
    throughput: Throughput = Throughput()
    tokens: Tokens = Tokens()
    replicas: Replicas = Replicas()
    paused: bool = False
    alerts: tuple[Alert, ...] = ()
    output_uri: str | None = None
    error: JobError | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has succeeded or failed."""
        return self.state in FINISHED


class JobPage(Answer):
    """One page of jobs."""

    data: tuple[JobEntry, ...]
    has_more: bool
    last_id: str | None


class Queue(Answer):
    """The jobs that are not over, in order."""

    jobs: tuple[QueueEntry, ...]


class Steered(Answer):
    """What a request to a job has done."""

    job_id: str
    done: str


class File(Answer):
    """One delivered file."""

    name: str
    kind: str
    rows: int
    bytes: int | None
    uri: str


class Files(Answer):
    """The delivered files of a job."""

    files: tuple[File, ...]


class Key(Answer):
    """An API key without its secret."""

    key_id: str
    name: str
    user: str
    requests_per_minute: int
    expires_at: AwareDatetime
    expired: bool


class NewKey(Key):
    """A key that was just made."""

    key: str


class Keys(Answer):
    """A list of keys."""

    keys: tuple[Key, ...]


class Uploaded(Answer):
    """A file or a batch of OpenAI's API."""

    id: str


AnyAnswer = TypeVar("AnyAnswer", bound=Answer)


def read(kind: type[AnyAnswer], document: JsonValue) -> AnyAnswer:
    """Return an answer as its model.

    Raises:
        CommandError: it has another form, as another version of the gateway may send.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        text = (
            f"The answer has no usable {field or 'document'}: gateway and command line differ in version. Use --json."
        )
        raise CommandError(text, Exit.UNAVAILABLE) from None
