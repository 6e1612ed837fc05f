"""``GET /jobs`` and ``GET /jobs/{job_id}``: lists and one job."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.jobs.answers import CHANGE_WITH_TIME, Job, JobPage
from llmbatch.gateway.jobs.failures import error_of
from llmbatch.gateway.jobs.lookup import FoundJob, find_job, polled_job
from llmbatch.gateway.jobs.paging import page_of_jobs
from llmbatch.gateway.jobs.states import JobState
from llmbatch.gateway.jobs.view import airflow_address, job_of, links_of
from llmbatch.gateway.parts import Parts
from llmbatch.gateway.routers.dependencies import CallerDep, IfNoneMatch, JobId, PartsDep
from llmbatch.gateway.wire.etags import NOT_MODIFIED, conditional, weak_etag

router = APIRouter(tags=["jobs"])


@router.get("/jobs", summary="List jobs, the newest first", response_model=JobPage, responses={**NOT_MODIFIED})
async def list_jobs(
    parts: PartsDep,
    caller: CallerDep,
    limit: Annotated[int, Query(ge=1, le=100, description="Jobs of one page.")] = 20,
    after: Annotated[str | None, Query(max_length=200, description="`last_id` of the page before.")] = None,
    state: Annotated[JobState | None, Query(description="Only jobs in this state.")] = None,
    user: Annotated[str | None, Query(min_length=1, max_length=200, description="Only jobs of this user.")] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """One page of jobs, at most five seconds old. A job that is started meanwhile moves no other to another page."""

    async def read() -> JobPage:
        return await page_of_jobs(
            caller.authorization,
            parts.airflow,
            parts.documents,
            parts.clock.now(),
            limit=limit,
            after=None if after is None else await found_job(after, parts, caller),
            state=state,
            user=user,
        )

    return (await parts.readings.page((caller.authorization, limit, after, state, user), read)).to(if_none_match)


@router.get("/jobs/{job_id}", summary="Show a job", response_model=Job, responses={**NOT_MODIFIED})
async def get_job(
    job_id: JobId, request: Request, parts: PartsDep, caller: CallerDep, if_none_match: IfNoneMatch = None
) -> Response:
    """State, phase, progress, ETA with its 10 % and 90 % quantiles, deadline, rows, tokens, alerts, error, links.

    Poll it with `If-None-Match`: 304 is answered until the next heartbeat.
    """
    root = request.scope.get("root_path", "").rstrip("/")
    airflow_url = airflow_address(parts.config.gateway.airflow_url, root)
    _, job = await polled_as_shown(job_id, root, airflow_url, parts, caller)
    return conditional(job, weak_etag(job, without=CHANGE_WITH_TIME), if_none_match)


async def polled_as_shown(
    job_id: str, root: str, airflow_url: str, parts: Parts, caller: Caller
) -> tuple[FoundJob, Job]:
    """Return a job for a poll, as it was seconds ago. Raises ``Failure`` 403 or 404.

    Args:
        job_id: the job.
        root: path under which the API is served; empty at ``/``.
        airflow_url: address of Airflow's UI; empty on the same server.
        parts: what the routes work with.
        caller: who asks.
    """
    found = await polled_job(job_id, caller.authorization, parts.airflow, parts.documents, parts.known_runs)
    error = await error_of(found, caller.authorization, parts.airflow)
    links = links_of(found, root, airflow_url)
    return found, await asyncio.to_thread(job_of, found, parts.documents, parts.clock.now(), links, error)


async def found_job(job_id: str, parts: Parts, caller: Caller) -> FoundJob:
    """Return a job, read with the rights of the caller. Raises ``Failure`` 403 or 404."""
    return await find_job(job_id, caller.authorization, parts.airflow, parts.documents)
