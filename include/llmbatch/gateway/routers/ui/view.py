"""Who looks at a page, as its routes declare it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request

from llmbatch.gateway.jobs.view import airflow_address
from llmbatch.gateway.pages.pages import View
from llmbatch.gateway.pages.zone import LONGEST_NAME, Zone
from llmbatch.gateway.routers.dependencies import PartsDep, ReaderDep


async def view_of(
    request: Request,
    caller: ReaderDep,
    parts: PartsDep,
    tz: Annotated[str | None, Query(max_length=LONGEST_NAME, description="Time zone of the reader.")] = None,
) -> View:
    """Return the view of a caller, who may read the runs of jobs."""
    root = request.scope.get("root_path", "").rstrip("/")
    airflow_url = airflow_address(parts.config.gateway.airflow_url, root)
    return View(root, airflow_url, caller.user, Zone(tz))


ViewDep = Annotated[View, Depends(view_of)]
