"""A job that is not over, as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from llmbatch.core.alerts import Level
from llmbatch.core.clock import later
from llmbatch.core.progress import Progress
from llmbatch.core.sla_status import JobStatus, Status
from llmbatch.core.staleness import ETA_UNKNOWN_SECONDS
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.states import JobState
from llmbatch.gateway.metrics.reading import Details

_BY_STATUS = {Status.AT_RISK: Level.RED, Status.VIOLATED: Level.CRITICAL}
_WORDS = {Level.YELLOW: "Yellow", Level.RED: "Red", Level.CRITICAL: "Critical"}
_STATUS_WORDS = {
    Status.ON_TRACK: "On track",
    Status.AT_RISK: "At risk",
    Status.VIOLATED: "Violated",
    Status.MET: "Met",
}


@dataclass(frozen=True)
class Place:
    """The turn of a job that has not begun.

    Attributes:
        number: among the jobs that wait, from 1.
        before: the job whose turn is before it; None for the first of all.
        start: when it is predicted to begin; None while its own time is unknown.
        end: when it is predicted to end (P50); None while its own time is unknown.
        unknown: jobs before it without an estimate: they count as no work, so it may begin later.
    """

    number: int
    before: FoundJob | None
    start: datetime | None
    end: datetime | None
    unknown: int


@dataclass(frozen=True)
class OpenJob:
    """One job.

    Attributes:
        found: its run, and its spec once it is accepted.
        model: name of the model.
        status: with respect to the deadline, at ``at``.
        progress: the last heartbeat, dated by the clock of ``at``; None before the first.
        details: level of the last alert and cost; None of a job that is not accepted.
        place: its turn; None if it has begun.
        at: the time of the reading.
    """

    found: FoundJob
    model: str
    status: JobStatus
    progress: Progress | None
    details: Details | None
    place: Place | None
    at: datetime

    @property
    def job_id(self) -> str:
        """The id of the job."""
        return self.found.job_id

    @property
    def run_id(self) -> str:
        """The run of the job, by which people know it."""
        return self.found.run.dag_run_id

    @property
    def is_running(self) -> bool:
        """Whether Airflow runs it."""
        return self.found.state is JobState.RUNNING

    @cached_property
    def level(self) -> Level:
        """The worse of the last alert's level and what the status says now."""
        found = (Level.OK if self.details is None else self.details.level, _BY_STATUS.get(self.status.status, Level.OK))
        return max(found, key=tuple(Level).index)

    @property
    def is_at_risk(self) -> bool:
        """Whether its alert or its status says that it may miss the deadline, or has missed it."""
        return self.level in {Level.RED, Level.CRITICAL}

    @property
    def level_words(self) -> str:
        """The level of the last alert, else the status."""
        alerted = Level.OK if self.details is None else self.details.level
        return _WORDS[alerted] if alerted is self.level is not Level.OK else _STATUS_WORDS[self.status.status]

    @property
    def phase(self) -> str:
        """What it is doing."""
        is_paused = self.progress is not None and self.progress.paused
        return "paused" if is_paused else self.status.phase.replace("_", " ")

    @property
    def started_at(self) -> datetime | None:
        """When it began to run; None while it waits in Airflow."""
        if self.progress is not None:
            return self.progress.started_at
        return self.found.run.start_date if self.is_running else None

    @cached_property
    def finish(self) -> tuple[datetime, datetime, datetime] | None:
        """P10, P50 and P90 of the finish of a job that has begun; None while they are unknown."""
        status = self.status
        if self.progress is None or self.progress.eta is None or status.eta_p10_hours is None:
            return None
        eta = self.progress.eta
        p10, p50, p90 = (later(self.progress.written_at, each) for each in (eta.p10, eta.p50, eta.p90))
        return p10, p50, p90

    @property
    def lives(self) -> bool:
        """Whether it writes heartbeats: what has died answers no rows."""
        beat = self.progress
        return beat is not None and not beat.phase.is_terminal and beat.age(self.at) <= ETA_UNKNOWN_SECONDS

    @property
    def rows_per_second(self) -> float | None:
        """Rows with an outcome a second."""
        return self.progress.rates.rows_per_second if self.progress is not None and self.lives else None

    @property
    def tokens_per_second(self) -> float | None:
        """Output tokens a second."""
        return self.progress.rates.live if self.progress is not None and self.lives else None

    def hours_until(self, moment: datetime) -> float:
        """Return the hours from the reading until a moment; negative for one before it."""
        return (moment - self.at).total_seconds() / 3600

    @property
    def input_uri(self) -> str:
        """The input that its request names; empty for a retry before it is accepted."""
        if self.found.spec is not None:
            return self.found.spec.request.input_uri or ""
        return sent_input(self.found)


def sent_input(found: FoundJob) -> str:
    """Return the input that the request of a run names; empty if it names none."""
    sent = (found.run.conf or {}).get("input_uri")
    return sent if isinstance(sent, str) else ""
