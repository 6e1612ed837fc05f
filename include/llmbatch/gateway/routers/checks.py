"""``GET /checks``: the daily checks of the service."""

from __future__ import annotations

from fastapi import APIRouter

from llmbatch.gateway.jobs.check_rules import Checks
from llmbatch.gateway.routers.dependencies import CallerDep, PartsDep

router = APIRouter(tags=["service"])


@router.get("/checks")
async def checks(caller: CallerDep, parts: PartsDep) -> Checks:
    """Check cluster, deadlines, queue, failures, orphans, backups, disk, clock and versions; at most ten seconds old.

    The caller needs the right to read the DAG of jobs.
    """
    return await parts.checks.read(caller.authorization)
