"""The answers about jobs. Times are aware; a number that is unknown is null."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.admission import Feasibility
from llmbatch.core.alerts import Level
from llmbatch.core.manifest import CostRecord
from llmbatch.core.sla_status import Status
from llmbatch.gateway.jobs.states import JobState

CHANGE_WITH_TIME = (
    "eta_hours",
    "eta_p10_hours",
    "eta_p90_hours",
    "miss_probability",
    "sla_remaining_hours",
    "predicted_start",
    "predicted_end",
)
"""Fields that differ from second to second though nothing has happened; no ETag depends on them."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AdmissionAnswer(_Answer):
    """The decision at the submission. ``eta_p50`` and ``eta_p90`` are seconds from ``decided_at``."""

    verdict: Feasibility
    decided_at: AwareDatetime
    eta_p50: float | None = None
    eta_p90: float | None = None
    earliest_finish: AwareDatetime | None = None
    replicas_needed: int | None = None
    reason: str = ""


class StartedJob(_Answer):
    """``admission`` is null until the request is checked; see the header ``Prefer: wait=N``."""

    job_id: str
    dag_run_id: str
    state: JobState
    deadline: AwareDatetime
    admission: AdmissionAnswer | None = None


class RowsAnswer(_Answer):
    """Rows by state. ``total`` is null before the rows are counted, ``cancelled`` is known at the end."""

    total: int | None = None
    succeeded: int = 0
    failed: int = 0
    expired: int = 0
    cancelled: int = 0
    running: int = 0
    waiting: int = 0


class ThroughputAnswer(_Answer):
    """What a running job does now; null for a job that does not run."""

    rows_per_second: float | None = None
    tokens_per_second: float | None = None


class TokensAnswer(_Answer):
    """Tokens of answered rows."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0


class ReplicasAnswer(_Answer):
    """Engines that answer, and engines that are requested."""

    live: int = 0
    wanted: int = 0


class AlertAnswer(_Answer):
    """One alert."""

    level: Level
    raised_at: AwareDatetime
    reason: str = ""


class JobError(_Answer):
    """Why a job failed: the task of its run, and its message, which says what to do."""

    task: str
    message: str


class Links(_Answer):
    """Paths on this server; ``run`` is the page of the run in Airflow."""

    self: str
    results: str
    errors: str
    run: str


class JobEntry(_Answer):
    """One job of a list.

    ``status`` compares it with its deadline: on_track, at_risk, violated or met; null for a job that was refused.
    ``generation`` counts the starts of its Ray job, ``heartbeat`` the reports of that one; null before the first.
    """

    job_id: str
    dag_run_id: str
    state: JobState
    phase: str
    model: str | None
    owner: str
    created_at: AwareDatetime
    deadline: AwareDatetime
    finished_at: AwareDatetime | None = None
    progress_pct: float = 0.0
    eta_hours: float | None = None
    sla_remaining_hours: float
    status: Status | None = None
    generation: int | None = None
    heartbeat: int | None = None


class Job(JobEntry):
    """All about one job."""

    eta_p10_hours: float | None = None
    eta_p90_hours: float | None = None
    miss_probability: float | None = None
    status_reason: str = ""
    rows: RowsAnswer = RowsAnswer()
    throughput: ThroughputAnswer = ThroughputAnswer()
    tokens: TokensAnswer = TokensAnswer()
    replicas: ReplicasAnswer = ReplicasAnswer()
    paused: bool = False
    alerts: tuple[AlertAnswer, ...] = ()
    admission: AdmissionAnswer | None = None
    output_uri: str | None = None
    cost: CostRecord | None = None
    error: JobError | None = None
    links: Links


class JobPage(_Answer):
    """One page; ``last_id`` is the value of ``after`` for the next one."""

    data: tuple[JobEntry, ...]
    has_more: bool
    last_id: str | None


class QueueEntry(JobEntry):
    """One job that is not over.

    ``predicted_start`` and ``predicted_end`` are null while the job's own time is unknown. ``jobs_unknown`` jobs before
    it have no estimate and count as no work, so its prediction is then the earliest time.
    """

    position: int
    priority: int
    predicted_start: AwareDatetime | None = None
    predicted_end: AwareDatetime | None = None
    jobs_unknown: int = 0


class QueueAnswer(_Answer):
    """The jobs that run, then the others in the order in which they will start."""

    jobs: tuple[QueueEntry, ...]
