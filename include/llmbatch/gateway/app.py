"""The application: all routers, one shape of errors."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from llmbatch.gateway.parts import Parts
from llmbatch.gateway.routers import batches, health
from llmbatch.gateway.wire.failures import Failure

ROUTERS = (
    health,
    batches,
)  # fmt: skip
"""One module for each resource."""


def create_app(parts: Callable[[], Parts]) -> FastAPI:
    """Return the application.

    Args:
        parts: makes what the routes work with; called at each request, so it should keep what it made. Nothing is
            read before the first request.
    """
    app = FastAPI(title="llmbatch", docs_url="/docs", openapi_url="/openapi.json", redirect_slashes=False)
    app.state.parts = parts
    for module in ROUTERS:
        app.include_router(module.router)

    @app.exception_handler(Failure)
    async def failed(_: Request, failure: Failure) -> JSONResponse:
        return JSONResponse(failure.body(), failure.status, failure.headers)

    return app
