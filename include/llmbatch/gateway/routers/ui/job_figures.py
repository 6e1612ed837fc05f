"""``GET /ui/jobs/{job_id}/figures``: the figures of the page of one job."""

from __future__ import annotations

from fastapi import APIRouter, Response

from llmbatch.gateway.jobs.lookup import polled_job
from llmbatch.gateway.routers.dependencies import CallerDep, IfNoneMatch, JobId, PartsDep
from llmbatch.gateway.routers.ui.view import ViewDep

router = APIRouter(prefix="/ui", include_in_schema=False)


@router.get("/jobs/{job_id}/figures")
async def job_figures(
    job_id: JobId, view: ViewDep, caller: CallerDep, parts: PartsDep, if_none_match: IfNoneMatch = None
) -> Response:
    """Return the figures of a job: ``fan``, ``phases``, ``rates``, ``latency``, ``replicas``, ``shards``."""
    found = await polled_job(job_id, caller.authorization, parts.airflow, parts.documents, parts.known_runs)
    return (await parts.job_figures.of(found, view.zone)).to(if_none_match)
