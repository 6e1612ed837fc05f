"""``/ui/jobs/{job_id}`` and ``/ui/runs/{dag_id}/{run_id}``: the page of one job, and its head and alerts."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.shown import shown
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.jobs.answers import Job
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.states import JobState
from llmbatch.gateway.pages.job.alerts import alert_lines
from llmbatch.gateway.pages.job.head import VERDICTS, Head
from llmbatch.gateway.pages.job.head_reading import HeadReader
from llmbatch.gateway.pages.pages import View, fragment, page
from llmbatch.gateway.parts import Parts
from llmbatch.gateway.routers.dependencies import JobId, PartsDep, ReaderDep
from llmbatch.gateway.routers.jobs import polled_as_shown
from llmbatch.gateway.routers.ui.view import ViewDep
from llmbatch.gateway.wire.failures import Failure

router = APIRouter(prefix="/ui", include_in_schema=False)

_SHOWN_CHARS = 250


@router.get("/jobs/{job_id}")
async def job_page(job_id: JobId, view: ViewDep, caller: ReaderDep, parts: PartsDep) -> Response:
    """Return the page of a job."""
    return await _page(job_id, view, caller, parts)


@router.get("/runs/{dag_id}/{run_id:path}")
async def run_page(
    dag_id: Annotated[str, Path(max_length=250)],
    run_id: Annotated[str, Path(max_length=1000)],
    view: ViewDep,
    caller: ReaderDep,
    parts: PartsDep,
) -> Response:
    """Return the page of the job of a DAG run, for the tab of that run in Airflow."""
    try:
        return await _page(job_id_of(dag_id, run_id), view, caller, parts)
    except Failure as failure:
        if failure.status != HTTPStatus.NOT_FOUND:
            raise
    name = shown(run_id, _SHOWN_CHARS)
    return page("no_job.html", view, run_id=name, dag_id=shown(dag_id, _SHOWN_CHARS), is_ours=dag_id == INFERENCE_DAG)


@router.get("/jobs/{job_id}/head")
async def head(job_id: JobId, request: Request, view: ViewDep, caller: ReaderDep, parts: PartsDep) -> Response:
    """Return where the job stands, and the buttons of the caller."""
    found, job = await _job(job_id, view, caller, parts)
    return fragment("job_head.html", view, request, head=await _head(found, job, caller, parts), verdicts=VERDICTS)


@router.get("/jobs/{job_id}/alerts")
async def alerts(job_id: JobId, request: Request, view: ViewDep, caller: ReaderDep, parts: PartsDep) -> Response:
    """Return the alerts of the job."""
    _, job = await _job(job_id, view, caller, parts)
    return fragment("job_alerts.html", view, request, alerts=alert_lines(job), job=job)


async def _page(job_id: str, view: View, caller: Caller, parts: Parts) -> Response:
    found, job = await _job(job_id, view, caller, parts)
    if (other := await _adopted(found, caller, parts)) is not None:
        found, job = await _job(other, view, caller, parts)
    return page(
        "job.html",
        view,
        head=await _head(found, job, caller, parts),
        verdicts=VERDICTS,
        has_spec=found.spec is not None,
        may_read=caller.may_read_answers(found.owner),
        owner=found.owner,
    )


async def _job(job_id: str, view: View, caller: Caller, parts: Parts) -> tuple[FoundJob, Job]:
    return await polled_as_shown(job_id, view.root, view.airflow_url, parts, caller)


async def _head(found: FoundJob, job: Job, caller: Caller, parts: Parts) -> Head:
    reader = HeadReader(parts.job_readings, parts.documents, parts.config.limits.max_replicas, caller)
    return await reader.read(found, job, parts.clock.now())


async def _adopted(found: FoundJob, caller: Caller, parts: Parts) -> str | None:
    """Return the job that a run has adopted instead of making one, which a used idempotency key asks for."""
    run = found.run
    if found.spec is not None or found.state is not JobState.SUCCEEDED:
        return None
    job_id = await parts.airflow.xcom(caller.authorization, run.dag_id, run.dag_run_id, "accept", "job_id")
    is_other = isinstance(job_id, str) and job_id != found.job_id
    there = is_other and await asyncio.to_thread(parts.documents.spec, str(job_id)) is not None
    return str(job_id) if there else None
