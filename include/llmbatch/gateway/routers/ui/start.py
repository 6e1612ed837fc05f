"""``/ui/start``: the page that starts a job."""

from __future__ import annotations

from fastapi import APIRouter, Response

from llmbatch.gateway.pages.pages import page
from llmbatch.gateway.routers.ui.view import ViewDep

router = APIRouter(prefix="/ui", include_in_schema=False)


@router.get("/start")
async def start_page(view: ViewDep) -> Response:
    """Return the page that starts a job."""
    return page("start.html", view)
