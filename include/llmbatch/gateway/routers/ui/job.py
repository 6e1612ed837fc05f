"""``/ui/jobs/{job_id}`` and ``/ui/runs/{dag_id}/{run_id}``: the page of one job."""

from __future__ import annotations

from fastapi import APIRouter, Response

from llmbatch.gateway.pages.pages import page
from llmbatch.gateway.routers.dependencies import JobId
from llmbatch.gateway.routers.ui.view import ViewDep

router = APIRouter(prefix="/ui", include_in_schema=False)


@router.get("/jobs/{job_id}")
async def job_page(job_id: JobId, view: ViewDep) -> Response:
    """Return the page of a job."""
    return page("job.html", view, job_id=job_id)
