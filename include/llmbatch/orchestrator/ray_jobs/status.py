"""What Ray reports about one submitted job: a closed set of status words with predicates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from llmbatch.core.errors import RayJobError


class RayJobStatus(StrEnum):
    """Ray's words, and ``NOT_FOUND``, added here for a submission that Ray does not know."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    NOT_FOUND = "NOT_FOUND"

    @property
    def is_active(self) -> bool:
        """Whether the job runs or will run, so that a new task attempt has to attach to it."""
        return self in {RayJobStatus.PENDING, RayJobStatus.RUNNING}

    @property
    def is_over(self) -> bool:
        """Whether nothing of this submission runs any more; a forgotten one died with its head node."""
        return not self.is_active

    @property
    def is_failed(self) -> bool:
        """Whether Ray knows the job and it ended without success."""
        return self in {RayJobStatus.FAILED, RayJobStatus.STOPPED}

    @property
    def is_known(self) -> bool:
        """Whether Ray knows the submission."""
        return self is not RayJobStatus.NOT_FOUND

    @property
    def is_succeeded(self) -> bool:
        """Whether the entrypoint ended with exit code 0. A hint only: success is what the store can prove."""
        return self is RayJobStatus.SUCCEEDED


@dataclass(frozen=True)
class RayJobInfo:
    """One submission as the Ray Jobs API shows it. ``driver_exit_code`` is null until the entrypoint has ended."""

    submission_id: str
    status: RayJobStatus
    message: str = ""
    error_type: str | None = None
    driver_exit_code: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Set by the submitter."""

    @classmethod
    def not_found(cls, submission_id: str) -> RayJobInfo:
        """Return the info of a submission that Ray does not know."""
        return cls(submission_id, RayJobStatus.NOT_FOUND, f"Ray knows no submission {submission_id}")

    @classmethod
    def from_api(cls, submission_id: str, body: Mapping[str, Any]) -> RayJobInfo:
        """Read an answer of ``GET /api/jobs/<id>``.

        Raises:
            RayJobError: the status is a word that this version does not know.
        """
        word = body.get("status")
        try:
            status = RayJobStatus(str(word))
        except ValueError:
            raise RayJobError(
                f"submission_id={submission_id}: Ray answered with the unknown status {word!r}. "
                "Check that the connection points at a Ray dashboard of a supported version."
            ) from None
        code = body.get("driver_exit_code")
        return cls(
            submission_id=submission_id,
            status=status,
            message=str(body.get("message") or ""),
            error_type=body.get("error_type"),
            driver_exit_code=None if code is None else int(code),
            started_at=_stamp(body.get("start_time")),
            ended_at=_stamp(body.get("end_time")),
            metadata={str(name): str(value) for name, value in (body.get("metadata") or {}).items()},
        )


def _stamp(milliseconds: int | None) -> datetime | None:
    return None if not milliseconds else datetime.fromtimestamp(milliseconds / 1000, UTC)
