"""What the end of a Ray job means for the Airflow task: another try, or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from airflow.sdk.exceptions import AirflowFailException

from llmbatch.core.errors import RayJobError
from llmbatch.orchestrator.ray_jobs.status import RayJobInfo


class ExitReasonLike(Protocol):
    """What an exit code of the entrypoint means, e.g. a member of ``core.states.ExitReason``."""

    @property
    def name(self) -> str:
        """A word for logs."""

    @property
    def is_final(self) -> bool:
        """Whether another try would end the same way."""

    @property
    def advice(self) -> str:
        """One sentence for a person on call."""


ExitReasons = Callable[[int], ExitReasonLike]
"""Turns an exit code into its reason; raises ``ValueError`` for a code that it does not know. An enum class is one."""


def failure_of(info: RayJobInfo, exit_reasons: ExitReasons | None, log_end: str) -> AirflowFailException | RayJobError:
    """Return what to raise for a job that is over without success: final reasons end the task, others allow a retry."""
    reason = _reason(info, exit_reasons)
    what = f"submission_id={info.submission_id} status={info.status.value} exit_code={info.driver_exit_code}"
    why = f"{reason.name}: {reason.advice}" if reason else info.message
    text = "\n".join(part for part in (what, why, log_end) if part)
    return AirflowFailException(text) if reason and reason.is_final else RayJobError(text)


def _reason(info: RayJobInfo, exit_reasons: ExitReasons | None) -> ExitReasonLike | None:
    if exit_reasons is None or info.driver_exit_code is None:
        return None
    try:
        return exit_reasons(info.driver_exit_code)
    except ValueError:
        return None
