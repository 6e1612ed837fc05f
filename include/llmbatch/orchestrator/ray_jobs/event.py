"""The flat events that triggers send to operators, validated once where they arrive."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from llmbatch.core.errors import RayJobError
from llmbatch.orchestrator.ray_jobs.status import RayJobStatus


class RayJobReason(StrEnum):
    """Why ``RayJobTrigger`` stopped waiting."""

    OVER = "over"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"


class RayJobEvent(BaseModel):
    """What ``RayJobTrigger`` found. ``status`` is null when Ray could not be asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    submission_id: str
    reason: RayJobReason
    status: RayJobStatus | None = None
    driver_exit_code: int | None = None
    message: str = ""


def read_ray_event(event: Mapping[str, Any] | None) -> RayJobEvent:
    """Validate an event of ``RayJobTrigger``.

    Raises:
        RayJobError: the event is not one; retrying the task attaches to the job again.
    """
    try:
        return RayJobEvent.model_validate(event)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "event"
        raise RayJobError(f"the trigger sent an event that cannot be read: {where}: {first['msg']}") from None
