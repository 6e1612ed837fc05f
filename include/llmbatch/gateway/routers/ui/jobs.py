"""``/ui/jobs``: the page of all jobs."""

from __future__ import annotations

from fastapi import APIRouter, Response

from llmbatch.gateway.pages.pages import page
from llmbatch.gateway.routers.ui.view import ViewDep

router = APIRouter(prefix="/ui", include_in_schema=False)


@router.get("/jobs")
async def jobs_page(view: ViewDep) -> Response:
    """Return the page of all jobs."""
    return page("jobs.html", view)
