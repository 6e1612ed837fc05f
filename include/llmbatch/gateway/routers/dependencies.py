"""What routes declare as parameters."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Path, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.gateway.access.authentication import authenticated
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.jobs.admitting import require_admitting
from llmbatch.gateway.parts import Parts

SCHEME = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    description="A token of Airflow (`POST /auth/token` of Airflow), or an API key (`POST /keys`).",
)


async def parts_of(request: Request) -> Parts:
    """Return the parts of the application that serves the request."""
    parts: Parts = request.app.state.parts()
    return parts


PartsDep = Annotated[Parts, Depends(parts_of)]


async def caller_of(
    request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Security(SCHEME)] = None
) -> Caller:
    """Return the authenticated caller."""
    return authenticated(request)


CallerDep = Annotated[Caller, Depends(caller_of)]

JobId = Annotated[str, Path(max_length=200, description="Id of a job.", examples=["job-0123456789abcdef"])]

IfNoneMatch = Annotated[str | None, Header(max_length=1000, description="ETag of the answer that the client has.")]


async def reader_of(caller: CallerDep, parts: PartsDep) -> Caller:
    """Return the caller, who may read the runs of ``llmbatch_inference``. Raises ``Failure`` 401, 403."""
    await parts.airflow.runs(caller.authorization, INFERENCE_DAG, limit=1)
    return caller


ReaderDep = Annotated[Caller, Depends(reader_of)]


async def starter_of(caller: ReaderDep, parts: PartsDep) -> Caller:
    """Return the caller, who may also start runs of ``llmbatch_inference``. Raises ``Failure`` 401, 403."""
    await parts.airflow.require_start(caller.authorization, INFERENCE_DAG)
    return caller


StarterDep = Annotated[Caller, Depends(starter_of)]


async def admitting(_: CallerDep, parts: PartsDep) -> None:
    """Refuse to start anything while the service is shut down. Raises ``Failure`` 503."""
    await require_admitting(parts.config.store.base_uri, parts.store)
