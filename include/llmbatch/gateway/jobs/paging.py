"""Pages of jobs, the newest first, straight from Airflow's runs."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial

from llmbatch.core.read_ahead import in_order
from llmbatch.gateway.airflow.client import AirflowClient, DagRun
from llmbatch.gateway.jobs.answers import JobEntry, JobPage
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.lookup import PAGE, FoundJob, newest_runs
from llmbatch.gateway.jobs.states import JobState
from llmbatch.gateway.jobs.view import listed

MOST_READ = 2000
"""Runs that are read for one page at most."""
_IN_FLIGHT = 4
"""Reads at a time; more would only take time from the other requests of the process."""


async def page_of_jobs(
    authorization: str,
    airflow: AirflowClient,
    documents: JobDocuments,
    now: datetime,
    *,
    limit: int,
    after: FoundJob | None = None,
    state: JobState | None = None,
    user: str | None = None,
) -> JobPage:
    """Return up to ``limit`` jobs that were started before the job ``after``.

    A job that is started meanwhile moves no other to another page. Costs one call to Airflow, and for the jobs of the
    page that run or have failed, at most two reads of the store each.
    """
    runs = await _runs_after(authorization, airflow, limit, None if after is None else after.run, state, user)
    entries = await asyncio.to_thread(entries_of, runs[:limit], documents, now)
    last = entries[-1].job_id if entries else None
    return JobPage(data=entries, has_more=len(runs) > limit, last_id=last)


def entries_of(runs: list[DagRun], documents: JobDocuments, now: datetime) -> tuple[JobEntry, ...]:
    """Return the jobs of these runs; several are read at a time. Blocks."""
    look = partial(listed, documents=documents, now=now)
    return tuple(in_order(look, [FoundJob(run, None) for run in runs], in_flight=_IN_FLIGHT, name="jobs"))


async def _runs_after(
    authorization: str,
    airflow: AirflowClient,
    limit: int,
    after: DagRun | None,
    state: JobState | None,
    user: str | None,
) -> list[DagRun]:
    """Return up to ``limit`` + 1 runs."""
    runs: list[DagRun] = []
    found = newest_runs(
        authorization,
        airflow,
        most=MOST_READ,
        page=min(PAGE, limit + 2),
        states=(state.of_airflow,) if state is not None else (),
        until=after.run_after if after is not None else None,
        user=user,
    )
    async for run in found:
        if after is not None and run.dag_run_id == after.dag_run_id:
            runs.clear()  # those before it have the same time
        elif user in (None, run.triggering_user_name):
            runs.append(run)
        if len(runs) > limit:
            break
    return runs
