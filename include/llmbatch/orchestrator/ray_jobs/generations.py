"""Which Ray submission of a task comes next, stored across retries and clears.

``<job_name>-g<n>`` is derived, so a repeated submit attaches to the running job. ``n`` rises only past a generation
that is known to be over. Two keys of Airflow's task state store hold the state: the submission that is waited for, and
the number of the last one that is over. Without the first one (its job is over, with success or without), a new
attempt, a retry or a cleared success alike, continues with the next number. Airflow forgets both keys after 30 days, so
a job that records its generations elsewhere says which it has used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pydantic import JsonValue

from llmbatch.core.identity import submission_id_of

if TYPE_CHECKING:
    from llmbatch.orchestrator.ray_jobs.client import RayJobs

CURRENT_KEY = "ray_submission_id"
OVER_KEY = "ray_generation_over"


class TaskStateStore(Protocol):
    """What is used of Airflow's task state store."""

    def get(self, key: str, default: JsonValue = None) -> JsonValue:
        """Return the stored value."""

    def set(self, key: str, value: JsonValue) -> None:
        """Write the value."""

    def delete(self, key: str) -> None:
        """Delete the value."""


def generation_of(submission_id: str) -> int:
    """Return the number in a submission id, 0 for an id of another form. ``job-1f-g12`` gives 12."""
    _, separator, number = submission_id.rpartition("-g")
    return int(number) if separator and number.isdigit() else 0


@dataclass(frozen=True)
class Generations:
    """The stored generations of one task. Without a store (outside an Airflow run) they start at 1."""

    job_name: str
    store: TaskStateStore | None

    def submission_id(self, generation: int) -> str:
        """Return the Ray id of a generation of this job."""
        return submission_id_of(self.job_name, generation)

    def choose(self, jobs: RayJobs, used: int) -> int:
        """Return the number to submit: that of a job which runs although no attempt has recorded it, or a new one.

        Args:
            jobs: client of the Ray cluster.
            used: highest number that the job has used, as its own records show; 0: it has none.

        Raises:
            RayJobError: Ray did not answer.
        """
        number = self.next()
        if used >= number:
            number = used if jobs.status(self.submission_id(used)).status.is_active else used + 1
        while jobs.status(self.submission_id(number)).status.is_failed:
            number += 1
        return number

    def next(self) -> int:
        """Return the first number that is not known to be over."""
        if self.store is None:
            return 1
        over = self.store.get(OVER_KEY)
        current = self.store.get(CURRENT_KEY)
        return 1 + max(over if isinstance(over, int) else 0, generation_of(current) if isinstance(current, str) else 0)

    def close(self, submission_id: str) -> None:
        """Store that this submission is over. The number is written first, so that a crash in between loses nothing."""
        if self.store is not None:
            over = self.store.get(OVER_KEY)
            self.store.set(OVER_KEY, max(generation_of(submission_id), over if isinstance(over, int) else 0))
            self.store.delete(CURRENT_KEY)
