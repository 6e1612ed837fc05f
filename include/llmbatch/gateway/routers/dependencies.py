"""What routes declare as parameters."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.parts import Parts

TOKEN_COOKIE = "_token"
"""Cookie in which Airflow's UI keeps its token."""


def parts_of(request: Request) -> Parts:
    """Return the parts of the application that serves the request."""
    parts: Parts = request.app.state.parts()
    return parts


PartsDep = Annotated[Parts, Depends(parts_of)]


async def caller_of(request: Request, parts: PartsDep) -> Caller:
    """Return the authenticated caller. Raises ``Failure`` 401."""
    return await parts.access.caller(request.headers.get("authorization"), request.cookies.get(TOKEN_COOKIE))


CallerDep = Annotated[Caller, Depends(caller_of)]
