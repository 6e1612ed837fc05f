"""``POST /shutdown-graceful`` and ``POST /resume``: stop and start the whole service without losing work."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, ConfigDict, StringConstraints

from llmbatch.gateway.jobs.shutdown import Shutdown, ShutdownReport
from llmbatch.gateway.routers.dependencies import CallerDep, PartsDep

router = APIRouter(tags=["service"])


class ShutdownRequest(BaseModel):
    """Why the service is shut down."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "new GPUs"}]})

    reason: Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)] = ""
    """Shown to every user whose request is refused, and in the log of every job that waits or is drained."""


async def shutdown_of(caller: CallerDep, parts: PartsDep) -> Shutdown:
    """Return the shutdown with the rights of the caller."""
    return Shutdown(
        parts.config.store.base_uri, parts.store, parts.airflow, parts.clock, caller.authorization, caller.user
    )


ShutdownDep = Annotated[Shutdown, Depends(shutdown_of)]


@router.post("/shutdown-graceful", status_code=202)
async def shut_down(shutdown: ShutdownDep, request: Annotated[ShutdownRequest | None, Body()] = None) -> ShutdownReport:
    """Stop admitting jobs, drain all running ones, and report what still runs. Repeat it until ``remaining`` is 0.

    Jobs that are started meanwhile, by whatever way, wait; their deadlines stay.
    """
    return await shutdown.begin("" if request is None else request.reason)


@router.get("/shutdown-graceful")
async def remaining(shutdown: ShutdownDep) -> ShutdownReport:
    """Report what still runs, and change nothing."""
    return await shutdown.report()


@router.post("/resume", status_code=202)
async def resume(shutdown: ShutdownDep) -> ShutdownReport:
    """Admit jobs again, and continue those that the shutdown drained. Repeat it until ``drained`` is empty.

    A job that a user has drained or cancelled stays as it is.
    """
    return await shutdown.end()
