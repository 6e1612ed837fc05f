"""``/ui/jobs``: the page of all jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from llmbatch.gateway.pages.job_list.query import DEFAULT_SORT, SORT_PATTERN, SORTS, JobQuery, Shown
from llmbatch.gateway.pages.pages import page
from llmbatch.gateway.routers.dependencies import CallerDep, IfNoneMatch, PartsDep
from llmbatch.gateway.routers.ui.view import ViewDep

router = APIRouter(prefix="/ui", include_in_schema=False)


async def query_of(
    state: Annotated[Shown | None, Query()] = None,
    owner: Annotated[str | None, Query(max_length=200)] = None,
    model: Annotated[str | None, Query(max_length=200)] = None,
    text: Annotated[str | None, Query(max_length=200)] = None,
    sort: Annotated[str, Query(pattern=SORT_PATTERN)] = DEFAULT_SORT,
    after: Annotated[str | None, Query(max_length=250)] = None,
) -> JobQuery:
    """Return what an address asks for."""
    return JobQuery(state, owner or None, model or None, text or None, sort, after or None)


QueryDep = Annotated[JobQuery, Depends(query_of)]


@router.get("/jobs")
async def jobs_page(view: ViewDep, caller: CallerDep, parts: PartsDep, query: QueryDep) -> Response:
    """Return the page of all jobs."""
    owners, models = await parts.job_list.owners(caller), sorted(parts.config.models)
    choices = {"states": tuple(Shown), "owners": owners, "models": models, "sorts": tuple(SORTS.items())}
    return page("jobs.html", view, query=query, **choices)


@router.get("/jobs/table")
async def jobs_table(
    view: ViewDep, caller: CallerDep, parts: PartsDep, query: QueryDep, if_none_match: IfNoneMatch = None
) -> Response:
    """Return the open jobs and a page of those that are over. It is at most some seconds old."""
    return (await parts.job_list.table(caller, view, query)).to(if_none_match)


@router.get("/jobs/counts")
async def jobs_counts(view: ViewDep, caller: CallerDep, parts: PartsDep, if_none_match: IfNoneMatch = None) -> Response:
    """Return the numbers on top of the page."""
    return (await parts.job_list.counts(caller, view)).to(if_none_match)


@router.get("/jobs/figures")
async def jobs_figures(
    view: ViewDep, caller: CallerDep, parts: PartsDep, query: QueryDep, if_none_match: IfNoneMatch = None
) -> Response:
    """Return the figures of the open jobs."""
    return (await parts.job_list.figures(caller, view, query)).to(if_none_match)
