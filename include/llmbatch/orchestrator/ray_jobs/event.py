"""The flat events that triggers send to operators, validated once where they arrive."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from llmbatch.core.errors import RayJobError
from llmbatch.orchestrator.ray_jobs.status import RayJobInfo, RayJobStatus


class RayJobReason(StrEnum):
    """Why ``RayJobTrigger`` stopped waiting."""

    OVER = "over"
    TIMEOUT = "timeout"
    PENDING = "pending"
    UNREACHABLE = "unreachable"


class RayJobEvent(BaseModel):
    """What ``RayJobTrigger`` found. ``status`` is null when Ray did not answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    submission_id: str
    reason: RayJobReason
    status: RayJobStatus | None = None
    driver_exit_code: int | None = None
    message: str = ""

    @classmethod
    def of(cls, submission_id: str, reason: RayJobReason, info: RayJobInfo | None, message: str) -> Self:
        """Return the event of a wait that ended. ``message`` is used only without ``info``, Ray's answer."""
        if info is None:
            return cls(submission_id=submission_id, reason=reason, message=message)
        return cls(
            submission_id=submission_id,
            reason=reason,
            status=info.status,
            driver_exit_code=info.driver_exit_code,
            message=info.message,
        )


def read_ray_event(event: Mapping[str, Any] | None) -> RayJobEvent:
    """Validate an event of ``RayJobTrigger``.

    Raises:
        RayJobError: the event has another shape; a retry of the task attaches to the job.
    """
    try:
        return RayJobEvent.model_validate(event)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "event"
        raise RayJobError(f"the trigger sent an event that cannot be read: {where}: {first['msg']}") from None
