"""From a job id to its DAG run: by its spec, or before it is accepted, among Airflow's newest runs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from llmbatch.core.identity import INFERENCE_DAG, JOB_ID_PATTERN, job_id_of
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.shown import shown
from llmbatch.core.sla_hours import sla_hours_of
from llmbatch.gateway.airflow.client import AirflowClient, DagRun
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.known_runs import KnownRuns, run_of_proof
from llmbatch.gateway.jobs.states import JobState
from llmbatch.gateway.wire.failures import Failure, unknown_job

NEWEST_RUNS = 300
"""Runs among which a job without a spec is searched."""
PAGE = 100
"""Most runs that Airflow returns at once."""

_JOB_ID = re.compile(JOB_ID_PATTERN, re.ASCII)
_SHOWN_CHARS = 100


@dataclass(frozen=True)
class FoundJob:
    """A job: its run, and its spec unless it is not accepted."""

    run: DagRun
    spec: JobSpec | None

    @property
    def job_id(self) -> str:
        """The id of the job."""
        return self.spec.job_id if self.spec is not None else job_id_of(self.run.dag_id, self.run.dag_run_id)

    @property
    def state(self) -> JobState:
        """State of the job."""
        return JobState.of_run(self.run.state)

    @property
    def owner(self) -> str:
        """User who started the job; empty for a job of no user."""
        return self.spec.owner if self.spec is not None else self.run.triggering_user_name or ""

    @property
    def deadline(self) -> datetime:
        """The deadline; before the job is accepted, the one that its request asks for."""
        if self.spec is not None:
            return self.spec.deadline
        return self.run.run_after + timedelta(hours=sla_hours_of(self.run.conf))


async def find_job(job_id: str, authorization: str, airflow: AirflowClient, documents: JobDocuments) -> FoundJob:
    """Return a job as it is now, read with the rights of the caller.

    An accepted job costs one call to Airflow. A job whose run was removed from Airflow is shown as its folder proves.

    Raises:
        Failure: 404 for an unknown job, 403 if the caller may not read it.
    """
    if _JOB_ID.fullmatch(job_id) is None:
        raise unknown_job(shown(job_id, _SHOWN_CHARS))
    spec = await asyncio.to_thread(documents.spec, job_id)
    if spec is not None:
        return FoundJob(await _run_of(spec, authorization, airflow, documents), spec)
    async for run in newest_runs(authorization, airflow, most=NEWEST_RUNS):
        if job_id_of(run.dag_id, run.dag_run_id) == job_id:
            return FoundJob(run, None)
    raise unknown_job(job_id)


async def polled_job(
    job_id: str, authorization: str, airflow: AirflowClient, documents: JobDocuments, known: KnownRuns
) -> FoundJob:
    """Return a job as it was at most ``known_runs.USABLE_SECONDS`` ago, for a poll. Raises as ``find_job`` does.

    A job that runs or has failed lately costs no call to Airflow of its own, nor does one that has its proof.
    """
    if _JOB_ID.fullmatch(job_id) is not None:
        run = await known.find(authorization, job_id)
        if (found := await asyncio.to_thread(_stored, job_id, run, documents)) is not None:
            return found
    return await find_job(job_id, authorization, airflow, documents)


def _stored(job_id: str, run: DagRun | None, documents: JobDocuments) -> FoundJob | None:
    """Return an accepted job with its known run, else with its proof; None if it has neither. Blocks."""
    if (spec := documents.spec(job_id)) is None:
        return None
    if run is not None:
        return FoundJob(run, spec)
    proof = documents.proof(job_id)
    return None if proof is None else FoundJob(run_of_proof(spec, proof), spec)


async def newest_runs(
    authorization: str,
    airflow: AirflowClient,
    *,
    most: int,
    page: int = PAGE,
    states: tuple[str, ...] = (),
    until: datetime | None = None,
    user: str | None = None,
) -> AsyncIterator[DagRun]:
    """Yield up to ``most`` runs of jobs, the newest first, read page by page as they are used."""
    for offset in range(0, most, page):
        runs = await airflow.runs(
            authorization, INFERENCE_DAG, limit=page, offset=offset, states=states, until=until, user=user
        )
        for run in runs:
            yield run
        if len(runs) < page:
            return


async def _run_of(spec: JobSpec, authorization: str, airflow: AirflowClient, documents: JobDocuments) -> DagRun:
    try:
        return await airflow.run(authorization, spec.dag_id, spec.run_id)
    except Failure as failure:
        if failure.status != HTTPStatus.NOT_FOUND:  # Airflow answers 404 only to users who may read the DAG
            raise
    return run_of_proof(spec, await asyncio.to_thread(documents.proof, spec.job_id))
