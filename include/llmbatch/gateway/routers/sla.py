"""``/sla``: which jobs keep their deadlines, and how well deadlines were kept and predicted."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from llmbatch.gateway.jobs.sla_status import SlaStatus
from llmbatch.gateway.routers.dependencies import CallerDep, IfNoneMatch, PartsDep
from llmbatch.gateway.wire.etags import NOT_MODIFIED
from llmbatch.orchestrator.sla_report.figures import Figures
from llmbatch.orchestrator.sla_report.report import MOST_JOBS

MOST_REPORTED = 1000
"""Most finished jobs, and open ones, of one report."""

router = APIRouter(prefix="/sla", tags=["SLA"])


@router.get("/status", response_model=SlaStatus, responses={**NOT_MODIFIED})
async def status(caller: CallerDep, parts: PartsDep, if_none_match: IfNoneMatch = None) -> Response:
    """Return the status of every job that is queued or running, by deadline. It is at most five seconds old.

    A job that has ended is in ``GET /sla/report`` and ``GET /jobs``.
    """
    return (await parts.readings.status(caller.authorization)).to(if_none_match)


@router.get(
    "/report",
    response_model=Figures,
    responses={
        200: {"content": {"text/csv": {}, "text/html": {}}, "description": "The report in the requested format."},
        **NOT_MODIFIED,
    },
)
async def report(
    caller: CallerDep,
    parts: PartsDep,
    format: Annotated[Literal["json", "csv", "html"], Query()] = "json",
    jobs: Annotated[int, Query(ge=1, le=MOST_REPORTED, description="Finished jobs, the newest first.")] = MOST_JOBS,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return throughput, ETA accuracy, missed deadlines and cost of the newest jobs. It is at most ten seconds old."""
    return (await parts.readings.report(caller.authorization, format=format, most=jobs)).to(if_none_match)
