"""``GET /metrics``: the service and its jobs, for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from llmbatch.gateway.routers.dependencies import CallerDep, PartsDep

router = APIRouter(tags=["service"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {}, "application/openmetrics-text": {}}, "description": "All metrics."},
    },
)
async def metrics(request: Request, caller: CallerDep, parts: PartsDep) -> Response:
    """Return the metrics of the service and of every job that is not over, at most ten seconds old.

    The user needs the right to read the jobs. While Airflow or the store does not work, callers of the last quarter of
    an hour get the last metrics; `llmbatch_exporter_last_success_timestamp_seconds` is their time.
    """
    found = await parts.exporter.scrape(caller, request.headers.get("accept", ""))
    return Response(found.body, headers={"Content-Type": found.content_type, "Cache-Control": "no-store"})
