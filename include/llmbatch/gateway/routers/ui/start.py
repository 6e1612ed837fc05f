"""``/ui/start``: the page that starts a job. Checks and starts themselves are ``POST /start``."""

from __future__ import annotations

import asyncio
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Request, Response

from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.priority import HIGHEST_PRIORITY, LOWEST_PRIORITY
from llmbatch.core.sla_hours import LONGEST_SLA_HOURS, SHORTEST_SLA_HOURS
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.jobs.lookup import find_job
from llmbatch.gateway.openai.files import content_uri
from llmbatch.gateway.pages.pages import fragment, page
from llmbatch.gateway.pages.start.check import check_of
from llmbatch.gateway.pages.start.checked import CheckedJobs
from llmbatch.gateway.pages.start.form import form_of
from llmbatch.gateway.pages.start.look_slots import LookSlots
from llmbatch.gateway.pages.start.rows import first_rows
from llmbatch.gateway.pages.start.verdict import verdict_of
from llmbatch.gateway.parts import Parts
from llmbatch.gateway.routers.dependencies import CallerDep, JobId, PartsDep, StarterDep
from llmbatch.gateway.routers.start import RequestBody
from llmbatch.gateway.routers.ui.view import ViewDep
from llmbatch.gateway.wire.failures import Failure
from llmbatch.orchestrator.steering.service import read_service

router = APIRouter(prefix="/ui", include_in_schema=False)


async def checked_of(request: Request, parts: PartsDep) -> CheckedJobs:
    """Return the reader of dry runs of the process that serves the request."""
    state = request.app.state
    if not hasattr(state, "checked_jobs"):
        state.checked_jobs = CheckedJobs(parts.config, parts.store, parts.documents, parts.clock)
    checked: CheckedJobs = state.checked_jobs
    return checked


async def looks_of(request: Request) -> LookSlots:
    """Return the slots for first looks of the process that serves the request."""
    state = request.app.state
    if not hasattr(state, "look_slots"):
        state.look_slots = LookSlots()
    slots: LookSlots = state.look_slots
    return slots


CheckedDep = Annotated[CheckedJobs, Depends(checked_of)]
LooksDep = Annotated[LookSlots, Depends(looks_of)]


@router.get("/start")
async def start_page(view: ViewDep, caller: CallerDep, parts: PartsDep) -> Response:
    """Return the page that starts a job. One who may not start any sees it without buttons."""
    base, config = parts.config.store.base_uri, parts.config
    service = await asyncio.to_thread(read_service, base, parts.store)
    return page(
        "start.html",
        view,
        form=form_of(config),
        service=service,
        may_start=await _may_start(caller, parts),
        dag=INFERENCE_DAG,
        upload_bytes=config.gateway.max_upload_bytes,
        upload_days=config.gateway.file_days,
        uploaded=content_uri(base, caller.user, "FILE"),
    )


@router.post("/start/rows")
async def start_rows(
    request: Request,
    view: ViewDep,
    caller: StarterDep,
    parts: PartsDep,
    looks: LooksDep,
    body: Annotated[RequestBody, Body()],
) -> Response:
    """Return the first rows as they will be asked. Starts nothing."""
    look = partial(first_rows, body, caller.user, parts.config, parts.store, parts.clock)
    return fragment("start_rows.html", view, request, found=await looks.run(caller.user, look))


@router.get("/start/check/{job_id}")
async def start_check(
    request: Request, job_id: JobId, view: ViewDep, caller: CallerDep, parts: PartsDep, checked: CheckedDep
) -> Response:
    """Return how far a dry run is, and its result."""
    found = await find_job(job_id, caller.authorization, parts.airflow, parts.documents)
    check = await check_of(found, caller, parts.airflow, checked, parts.clock.now())
    return fragment("start_check.html", view, request, check=check)


@router.get("/start/verdict/{job_id}")
async def start_verdict(
    request: Request,
    job_id: JobId,
    view: ViewDep,
    caller: CallerDep,
    checked: CheckedDep,
    sla_hours: Annotated[float, Query(ge=SHORTEST_SLA_HOURS, le=LONGEST_SLA_HOURS)],
    priority: Annotated[int | None, Query(ge=LOWEST_PRIORITY, le=HIGHEST_PRIORITY)] = None,
) -> Response:
    """Return the decision about another deadline, from the numbers of a dry run and the queue of now."""
    admission = await checked.verdict(job_id, caller, sla_hours, priority)
    return fragment("start_verdict.html", view, request, verdict=verdict_of(admission))


async def _may_start(caller: Caller, parts: Parts) -> bool:
    try:
        await parts.airflow.require_start(caller.authorization, INFERENCE_DAG)
    except Failure as failure:
        if failure.status != HTTPStatus.FORBIDDEN:
            raise
        return False
    return True
