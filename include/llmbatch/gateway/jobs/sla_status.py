"""The status of every job that is not over, with respect to its deadline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

from llmbatch.core.clock import Clock
from llmbatch.core.identity import job_id_of
from llmbatch.core.read_ahead import in_order
from llmbatch.core.sla_hours import sla_hours_of
from llmbatch.core.sla_status import JobStatus, Status, status_of
from llmbatch.core.states import Phase
from llmbatch.gateway.airflow.client import DagRun
from llmbatch.gateway.jobs.documents import JobDocuments

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


class StatusReader:
    """Reads the status of jobs for all requests of one process. Its calls block.

    A job that waits in Airflow costs no request, one that runs costs one, for its heartbeat.
    """

    def __init__(self, documents: JobDocuments, clock: Clock) -> None:
        self._documents, self._clock = documents, clock

    def read(self, runs: Sequence[DagRun]) -> SlaStatus:
        """Return the status of the jobs of these runs, dry runs left out.

        Raises:
            StoreError: the store failed.
        """
        jobs = [run for run in runs if (run.conf or {}).get("dry_run") is not True]
        found = in_order(self._status, jobs[:MOST_JOBS], in_flight=IN_FLIGHT, name="sla-status")
        ordered = sorted(found, key=lambda job: (job.deadline, job.job_id))
        return SlaStatus(jobs=tuple(ordered), truncated=len(jobs) > MOST_JOBS)

    def _status(self, run: DagRun) -> JobStatus:
        job_id, now = job_id_of(run.dag_id, run.dag_run_id), self._clock.now()
        spec = None if run.state == "queued" else self._documents.spec(job_id)
        if spec is None:
            return _waiting(job_id, run, now)
        progress = self._documents.progress(job_id, now)
        is_done = progress is not None and progress.phase is Phase.DONE
        proof = self._documents.proof(job_id) if is_done else None
        return status_of(spec, progress, None if proof is None else proof.sla.finished_at, now)


def _waiting(job_id: str, run: DagRun, now: datetime) -> JobStatus:
    """Return the status of a job that is not accepted yet: its deadline follows from its request."""
    deadline = run.run_after + timedelta(hours=sla_hours_of(run.conf))
    left = (deadline - now).total_seconds()
    return JobStatus(
        job_id=job_id,
        progress_pct=0.0,
        eta_hours=None,
        sla_remaining_hours=round(left / 3600, 4),
        status=Status.ON_TRACK if left >= 0 else Status.VIOLATED,
        phase=Phase.QUEUED.value,
        deadline=deadline,
        reason="not started" if left >= 0 else "the deadline has passed",
    )
