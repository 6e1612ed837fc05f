"""The status of every job that is not over, with respect to its deadline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

from llmbatch.core.clock import Clock
from llmbatch.core.progress import Progress
from llmbatch.core.read_ahead import in_order
from llmbatch.core.sla_status import JobStatus, Status, status_of
from llmbatch.core.states import Phase
from llmbatch.gateway.airflow.client import DagRun
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.lookup import FoundJob

MOST_JOBS = 1000
"""Jobs of one answer: those that run, and the newest of those that wait in Airflow."""
IN_FLIGHT = 4
"""Reads at a time; more would only take time from the other requests of the process."""

_EXAMPLE: JsonDict = {
    "jobs": [
        {
            "job_id": "job-0123456789abcdef",
            "progress_pct": 45.2,
            "eta_hours": 2.3,
            "eta_p10_hours": 2.1,
            "eta_p90_hours": 2.9,
            "miss_probability": 0.0001,
            "sla_remaining_hours": 18.5,
            "status": "on_track",
            "phase": "work",
            "deadline": "2030-01-02T00:00:00Z",
            "reason": "the length of the answers",
        }
    ],
    "truncated": False,
}


class SlaStatus(BaseModel):
    """Every job whose run is queued or running, by deadline.

    Attributes:
        truncated: whether there are more jobs than ``jobs`` holds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [_EXAMPLE]})

    jobs: tuple[JobStatus, ...]
    truncated: bool = False


@dataclass(frozen=True)
class SeenJob:
    """A job whose run is queued or running, as it was read.

    Attributes:
        found: its run, and its spec unless it waits in Airflow or is not accepted yet.
        progress: the last heartbeat, dated by the reader's clock; None before the first.
        finished_at: the time in its manifest; None without a manifest.
    """

    found: FoundJob
    progress: Progress | None = None
    finished_at: datetime | None = None


class StatusReader:
    """Reads the jobs that are not over for all requests of one process. Its calls block.

    A job that waits in Airflow costs no request, one that runs costs one, for its heartbeat.
    """

    def __init__(self, documents: JobDocuments, clock: Clock) -> None:
        self._documents, self._clock = documents, clock

    def read(self, runs: Sequence[DagRun]) -> SlaStatus:
        """Return the status of the jobs of these runs, dry runs left out.

        Raises:
            StoreError: the store failed.
        """
        now = self._clock.now()
        found = [status_of_seen(job, now) for job in self.look(runs)]
        ordered = sorted(found, key=lambda job: (job.deadline, job.job_id))
        return SlaStatus(jobs=tuple(ordered), truncated=len(_jobs(runs)) > MOST_JOBS)

    def look(self, runs: Sequence[DagRun]) -> tuple[SeenJob, ...]:
        """Return the jobs of the first ``MOST_JOBS`` of these runs, dry runs left out.

        Raises:
            StoreError: the store failed.
        """
        return tuple(in_order(self._look, _jobs(runs)[:MOST_JOBS], in_flight=IN_FLIGHT, name="sla-status"))

    def _look(self, run: DagRun) -> SeenJob:
        waiting = FoundJob(run, None)
        spec = None if run.state == "queued" else self._documents.spec(waiting.job_id)
        if spec is None:
            return SeenJob(waiting)
        progress = self._documents.progress(spec.job_id, self._clock.now())
        is_done = progress is not None and progress.phase is Phase.DONE
        proof = self._documents.proof(spec.job_id) if is_done else None
        return SeenJob(FoundJob(run, spec), progress, None if proof is None else proof.sla.finished_at)


def _jobs(runs: Sequence[DagRun]) -> list[DagRun]:
    return [run for run in runs if (run.conf or {}).get("dry_run") is not True]


def status_of_seen(job: SeenJob, now: datetime) -> JobStatus:
    """Return the status of a job whose run is not over; before it is accepted, that of its request."""
    if job.found.spec is not None:
        return status_of(job.found.spec, job.progress, job.finished_at, now)
    left = (job.found.deadline - now).total_seconds()  # not accepted: the deadline follows from the request
    return JobStatus(
        job_id=job.found.job_id,
        progress_pct=0.0,
        eta_hours=None,
        sla_remaining_hours=round(left / 3600, 4),
        status=Status.ON_TRACK if left >= 0 else Status.VIOLATED,
        phase=Phase.QUEUED.value,
        deadline=job.found.deadline,
        reason="not started" if left >= 0 else "the deadline has passed",
    )
