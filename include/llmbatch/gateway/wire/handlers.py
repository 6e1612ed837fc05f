"""Every error of a route as a ``Failure``."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from llmbatch.core.errors import ObjectMissing, RequestError, StoreError
from llmbatch.core.shown import shown
from llmbatch.gateway.wire.failures import Failure, unavailable

SHOWN_PROBLEMS = 5
"""Problems of one request that an answer names."""

_CODES = {404: "unknown_route", 405: "method_not_allowed", 408: "slow_request", 413: "request_too_large"}


def failure_of(error: Exception) -> Failure:
    """Return the answer for an error. No part of the request's values is in it, unless the error's own text has it."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, RequestError):
        return Failure(400, f"{error.problem}. {error.fix}", param=error.field, code="invalid_value")
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, HTTPException):
        return _of_http(error)
    if isinstance(error, StoreError):
        return _of_store(error)
    return Failure(
        500,
        "llmbatch failed to answer this request. Its log has the reason under the request id of this answer.",
        type="server_error",
        code="internal_error",
    )


def answer_of(failure: Failure) -> JSONResponse:
    """Return the answer to send."""
    return JSONResponse(failure.body(), failure.status, failure.headers)


def handle_errors(app: FastAPI) -> None:
    """Answer every foreseen error of a route in the shape of a ``Failure``. The ``Envelope`` answers the others."""

    async def handle(request: Request, error: Exception) -> JSONResponse:
        failure = failure_of(error)
        if failure.status == HTTPStatus.METHOD_NOT_ALLOWED:
            failure.headers["Allow"] = ", ".join(_methods(app, request))
        return answer_of(failure)

    for kind in (Failure, RequestError, StoreError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, handle)


def _methods(app: FastAPI, request: Request) -> list[str]:
    """Return all methods of a path. Starlette names those of the first route that has it."""
    here = [
        route for route in app.routes if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    ]
    return sorted({method for route in here for method in route.methods or ()})


def _of_store(error: StoreError) -> Failure:
    if isinstance(error, ObjectMissing):
        return Failure(404, "An object of this request is no longer in the store.", code="not_found")
    return unavailable("The object store does not answer. Repeat the request.")


def _invalid(error: RequestValidationError) -> Failure:
    problems = [(_place(each["loc"]), str(each["msg"])) for each in error.errors()]
    more = len(problems) - SHOWN_PROBLEMS
    texts = [f"{place or 'body'}: {shown(text)}" for place, text in problems[:SHOWN_PROBLEMS]]
    return Failure(
        400,
        "; ".join(texts) + (f"; and {more} more" if more > 0 else "") + ". See /docs for the fields of this request.",
        param=problems[0][0] if problems else None,
        code="invalid_value",
    )


def _place(loc: tuple[int | str, ...]) -> str | None:
    """Return ``sampling.max_tokens`` for a place such as ``("body", "sampling", "max_tokens")``."""
    return shown(".".join(str(part) for part in loc[1:]), 200) or None


def _of_http(error: HTTPException) -> Failure:
    status = error.status_code
    detail = "" if error.detail == HTTPStatus(status).phrase else shown(error.detail)
    message = {
        404: "There is no such route. See /docs for all routes.",
        405: "This route does not take this method. See /docs for all routes.",
    }.get(status, HTTPStatus(status).description or HTTPStatus(status).phrase)
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return Failure(status, detail or message, type=kind, code=_CODES.get(status, "bad_request"), headers=error.headers)
