"""``/ui/quality``: how good estimates and alerts are."""

from __future__ import annotations

from fastapi import APIRouter, Response

from llmbatch.gateway.pages.pages import page
from llmbatch.gateway.routers.ui.view import ViewDep

router = APIRouter(prefix="/ui", include_in_schema=False)


@router.get("/quality")
async def quality_page(view: ViewDep) -> Response:
    """Return the page of the quality of estimates and alerts."""
    return page("quality.html", view)
