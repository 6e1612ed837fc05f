"""The jobs that are not over: Airflow's runs of now, with the state that pages and scrapes read together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from llmbatch.core.admission import QueuedJob
from llmbatch.core.clock import Clock, later
from llmbatch.core.config import Config
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.airflow.client import AirflowClient, DagRun
from llmbatch.gateway.jobs.active import open_runs
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.queue import ActiveJob, turns_of
from llmbatch.gateway.jobs.sla_status import SeenJob, StatusReader, status_of_seen
from llmbatch.gateway.jobs.view import model_of
from llmbatch.gateway.metrics.exporter import Exporter
from llmbatch.gateway.metrics.reading import Reading
from llmbatch.gateway.pages.job_list.open_job import OpenJob, Place
from llmbatch.gateway.wire.shared import Shared

MOST_JOBS = 500
"""Jobs that are shown: those that run, then the newest of those that wait."""
SHARED_SECONDS = 2.0
"""Time for which readers of equal rights get the same list."""
OLD = timedelta(seconds=60)
"""Age from which the shared state is not used: what reads it fails."""

_MOST_CALLERS = 200


@dataclass(frozen=True)
class OpenJobs:
    """What is not over.

    Attributes:
        at: the time of the reading.
        jobs: in no order.
        is_cut: whether there are more.
    """

    at: datetime
    jobs: tuple[OpenJob, ...] = ()
    is_cut: bool = False


class OpenJobsReader:
    """Reads them once for all readers of equal rights.

    A call costs two or more calls to Airflow. The store is read by the exporter once in ten seconds for all, and here
    for the jobs that have begun since.
    """

    def __init__(
        self, config: Config, documents: JobDocuments, airflow: AirflowClient, exporter: Exporter, clock: Clock
    ) -> None:
        self._config, self._airflow, self._exporter, self._clock = config, airflow, exporter, clock
        self._statuses = StatusReader(documents, clock)
        self._shared: Shared[OpenJobs] = Shared(SHARED_SECONDS, _MOST_CALLERS, clock)

    async def read(self, caller: Caller) -> OpenJobs:
        """Return the open jobs, dry runs left out; the list is at most ``SHARED_SECONDS`` old.

        Raises:
            Failure: the caller may not read the jobs, or Airflow does not answer.
            StoreError: the store failed.
        """
        return await self._shared.get(caller.authorization, lambda: self._read(caller))

    async def _read(self, caller: Caller) -> OpenJobs:
        runs = await open_runs(self._airflow, caller.authorization, INFERENCE_DAG, most=MOST_JOBS + 1)
        jobs = [run for run in runs if (run.conf or {}).get("dry_run") is not True]
        reading = await self._exporter.reading(caller) if jobs else None
        return await asyncio.to_thread(self._joined, jobs[:MOST_JOBS], reading, len(jobs) > MOST_JOBS)

    def _joined(self, runs: Sequence[DagRun], reading: Reading | None, is_cut: bool) -> OpenJobs:
        """Return the jobs of these runs. Blocks: it reads those that the reading does not know."""
        now = self._clock.now()
        state = reading if reading is not None and now - reading.at < OLD else Reading(now)
        known = {job.found.job_id: job for job in state.jobs if job.found.spec is not None}
        found = [FoundJob(run, None) for run in runs]
        new = [each.run for each in found if each.run.state == "running" and each.job_id not in known]
        seen = {job.found.job_id: job for job in self._statuses.look(new)} | known
        jobs = [_with_run(seen.get(each.job_id), each) for each in found]
        places = _places(jobs, state.queue, self._config.engine.max_replicas, now)
        made = (
            OpenJob(
                found=job.found,
                model=model_of(job.found) or self._config.default_model,
                status=status_of_seen(job, now),
                progress=job.progress,
                details=state.details.get(job.found.job_id),
                place=places.get(job.found.job_id),
                at=now,
            )
            for job in jobs
        )
        return OpenJobs(now, tuple(made), is_cut)


def _with_run(seen: SeenJob | None, found: FoundJob) -> SeenJob:
    """Return what is known of a job, with its run as it is now."""
    if seen is None:
        return SeenJob(found)
    return SeenJob(FoundJob(found.run, seen.found.spec), seen.progress, seen.finished_at)


def _places(jobs: Sequence[SeenJob], admitted: tuple[QueuedJob, ...], capacity: int, now: datetime) -> dict[str, Place]:
    """Return the places of the jobs that have not begun."""
    active = {job.found.job_id: ActiveJob(job.found, job.progress) for job in jobs}
    found: dict[str, Place] = {}
    before: FoundJob | None = None
    for turn in turns_of(active, admitted, capacity, now):
        each = active[turn.job.job_id]
        if each.progress is None:
            start = None if turn.start is None else later(now, turn.start)
            end = None if turn.end is None else later(now, turn.end)
            found[turn.job.job_id] = Place(len(found) + 1, before, start, end, turn.unknown)
        before = each.found
    return found
