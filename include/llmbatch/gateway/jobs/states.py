"""The states of a job as the API names them."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """State of the DAG run that is the job. What it does in that state is its phase."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @classmethod
    def of_run(cls, state: str) -> JobState:
        """Return the job's state for a state of Airflow."""
        return cls.SUCCEEDED if state == "success" else cls(state)

    @property
    def of_airflow(self) -> str:
        """Airflow's name of the state."""
        return "success" if self is JobState.SUCCEEDED else self.value
