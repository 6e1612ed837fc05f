"""``GET /queue``: the jobs that are not over."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from llmbatch.gateway.airflow.client import ACTIVE
from llmbatch.gateway.jobs.answers import CHANGE_WITH_TIME, QueueAnswer
from llmbatch.gateway.jobs.lookup import newest_runs
from llmbatch.gateway.jobs.queue import MOST_JOBS, queue_of
from llmbatch.gateway.routers.dependencies import CallerDep, IfNoneMatch, PartsDep
from llmbatch.gateway.wire.etags import NOT_MODIFIED, conditional, weak_etag
from llmbatch.orchestrator.admission.queue import queued_jobs

router = APIRouter(tags=["jobs"])


@router.get("/queue", summary="Show the queue", response_model=QueueAnswer, responses={**NOT_MODIFIED})
async def get_queue(parts: PartsDep, caller: CallerDep, if_none_match: IfNoneMatch = None) -> Response:
    """The jobs that run, then those that wait, in the order in which they start, with predicted start and end.

    Jobs of higher priority start first, among equals the one with the earliest deadline.
    """
    runs = [run async for run in newest_runs(caller.authorization, parts.airflow, most=MOST_JOBS, states=ACTIVE)]
    admitted = await asyncio.to_thread(queued_jobs, parts.config.store.base_uri, parts.store)
    queue = await asyncio.to_thread(
        queue_of, runs, admitted, parts.config.engine.max_replicas, parts.documents, parts.clock.now()
    )
    return conditional(queue, weak_etag(queue, without=CHANGE_WITH_TIME), if_none_match)
