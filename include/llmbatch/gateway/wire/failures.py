"""The one shape of an error: ``{"error": {"message", "type", "param", "code", "job_id"?}}``, as OpenAI has it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, JsonValue


class ErrorDetail(BaseModel):
    """What went wrong."""

    message: str
    """What happened, to which field or object, and what to do."""
    type: str
    """Family of the error: invalid_request_error, authentication_error, permission_error, conflict_error, …"""
    param: str | None
    """The field or parameter that is wrong."""
    code: str | None
    """Machine-readable name of the case."""
    job_id: str | None = None
    """The job that it is about."""


class ErrorBody(BaseModel):
    """The body of every answer with a status of 400 or more."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "error": {
                        "message": "There is no job job-0123456789abcdef. GET /jobs lists the jobs.",
                        "type": "invalid_request_error",
                        "param": None,
                        "code": "job_not_found",
                        "job_id": "job-0123456789abcdef",
                    }
                }
            ]
        }
    )

    error: ErrorDetail


class Failure(Exception):
    """An answer with a status of 400 or more.

    Args:
        status: HTTP status.
        message: what happened, to which field or object, and what to do.
        type: family of the error, as OpenAI names them.
        param: the field or parameter that is wrong.
        code: machine-readable name of the case.
        job_id: the job that it is about.
        headers: more headers of the answer, such as ``Retry-After``.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        job_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.type = status, message, type
        self.param, self.code, self.job_id = param, code, job_id
        self.headers = dict(headers or {})

    def body(self) -> dict[str, JsonValue]:
        """Return the JSON body of the answer; all four keys of OpenAI are always there."""
        error: dict[str, JsonValue] = {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }
        if self.job_id is not None:
            error["job_id"] = self.job_id
        return {"error": error}


def unknown_job(job_id: str) -> Failure:
    """Return the answer for a job that does not exist, or is not the caller's to see."""
    return Failure(404, f"There is no job {job_id}. GET /jobs lists the jobs.", code="job_not_found", job_id=job_id)


def unavailable(message: str, *, seconds: int = 5) -> Failure:
    """Return the answer while a part of the system does not work; the client repeats the request after ``seconds``."""
    return Failure(
        503, message, type="server_error", code="unavailable", headers={"Retry-After": str(seconds)}
    )  # fmt: skip
