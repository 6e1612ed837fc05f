"""``/ui/quality``: how good estimates and alerts are. Its parts share one report with ``GET /sla/report``."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from llmbatch.gateway.pages.pages import UNKNOWN, fragment, page
from llmbatch.gateway.pages.quality import CHOICES, LEAST_JUDGED, MOST_VIOLATIONS, cards, drawn
from llmbatch.gateway.routers.dependencies import CallerDep, IfNoneMatch, PartsDep
from llmbatch.gateway.routers.ui.view import ViewDep
from llmbatch.gateway.wire.etags import conditional, weak_etag

router = APIRouter(prefix="/ui", include_in_schema=False)

Jobs = Annotated[Literal["50", "200", "1000"], Query(description="Finished jobs, the newest first.")]


@router.get("/quality")
async def quality_page(view: ViewDep, jobs: Jobs = "200") -> Response:
    """Return the page of the quality of estimates and alerts. Its numbers come later, so it never waits for them."""
    return page("quality.html", view, jobs=int(jobs), choices=CHOICES)


@router.get("/quality/state")
async def quality_state(
    request: Request, view: ViewDep, caller: CallerDep, parts: PartsDep, jobs: Jobs = "200"
) -> Response:
    """Return the numbers."""
    report = await parts.readings.figures(caller.authorization, most=int(jobs))
    return fragment(
        "quality_state.html",
        view,
        request,
        report=report,
        cards=cards(report),
        least=LEAST_JUDGED,
        unknown=UNKNOWN,
    )


@router.get("/quality/violations")
async def quality_violations(
    request: Request, view: ViewDep, caller: CallerDep, parts: PartsDep, jobs: Jobs = "200"
) -> Response:
    """Return the missed deadlines and what is left out."""
    report = await parts.readings.figures(caller.authorization, most=int(jobs))
    return fragment(
        "quality_violations.html",
        view,
        request,
        report=report,
        violations=report.violations[:MOST_VIOLATIONS],
        jobs=int(jobs),
        choices=CHOICES,
    )


@router.get("/quality/figures")
async def quality_figures(
    _: ViewDep, caller: CallerDep, parts: PartsDep, jobs: Jobs = "200", if_none_match: IfNoneMatch = None
) -> Response:
    """Return the figures."""
    found = drawn(await parts.readings.figures(caller.authorization, most=int(jobs)))
    return conditional(found, weak_etag(found), if_none_match)
