"""The application: all routers, one shape of errors."""

from __future__ import annotations

from collections.abc import Callable

from cachetools import TTLCache
from fastapi import FastAPI

from llmbatch.gateway.access.authentication import Authentication
from llmbatch.gateway.pages.errors import PageErrors
from llmbatch.gateway.parts import Parts
from llmbatch.gateway.routers import (
    batches,
    benchmark,
    checks,
    files,
    health,
    job_files,
    job_verbs,
    jobs,
    keys,
    metrics,
    models,
    queue,
    shutdown,
    sla,
    start,
    uploads,
)
from llmbatch.gateway.routers.ui import assets as ui_assets
from llmbatch.gateway.routers.ui import job as ui_job
from llmbatch.gateway.routers.ui import job_details as ui_job_details
from llmbatch.gateway.routers.ui import job_figures as ui_job_figures
from llmbatch.gateway.routers.ui import jobs as ui_jobs
from llmbatch.gateway.routers.ui import quality as ui_quality
from llmbatch.gateway.routers.ui import start as ui_start
from llmbatch.gateway.wire.envelope import Envelope
from llmbatch.gateway.wire.failures import ErrorBody
from llmbatch.gateway.wire.handlers import handle_errors
from llmbatch.gateway.wire.request_body import RequestBody

ROUTERS = (
    health,
    keys,
    start,
    queue,
    jobs,
    job_verbs,
    job_files,
    sla,
    metrics,
    benchmark,
    shutdown,
    checks,
    files,
    uploads,
    batches,
    models,
    ui_assets,
    ui_start,
    ui_quality,
    ui_jobs,
    ui_job,
    ui_job_details,
    ui_job_figures,
)  # fmt: skip
"""One module for each resource."""


def create_app(parts: Callable[[], Parts]) -> FastAPI:
    """Return the application.

    Args:
        parts: returns what the routes work with; called at each request, so it must keep what it made. Nothing is
            read before the first request.
    """
    app = FastAPI(
        title="llmbatch",
        description="LLM batch inference with deadlines. Every call has the rights of its user in Airflow.",
        version="1",
        docs_url="/docs",
        redoc_url=None,
        openapi_url="/openapi.json",
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
        responses={
            "4XX": {"model": ErrorBody, "description": "The request is refused."},
            "5XX": {"model": ErrorBody, "description": "The request failed; it may be repeated."},
        },
    )
    app.state.parts = parts
    app.state.store_health = TTLCache(1, health.KNOWN_SECONDS)
    for module in ROUTERS:
        app.include_router(module.router)
    handle_errors(app)
    # the last one that is added is the outermost
    app.add_middleware(Authentication, access=lambda: parts().access)
    app.add_middleware(RequestBody, limit=lambda: parts().config.gateway.max_body_bytes)
    app.add_middleware(Envelope)
    app.add_middleware(PageErrors, airflow_url=lambda: parts().config.gateway.airflow_url or "")
    return app
