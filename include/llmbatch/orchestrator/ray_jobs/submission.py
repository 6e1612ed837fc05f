"""One job to submit, as the Ray Jobs API expects it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class TaskInstanceLike(Protocol):
    """What is read of an Airflow task instance."""

    dag_id: str
    run_id: str
    task_id: str


@dataclass(frozen=True)
class RaySubmission:
    """One job to submit. ``resources`` holds ``entrypoint_num_cpus`` and its kin of the Ray Jobs API."""

    submission_id: str
    entrypoint: str
    runtime_env: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the JSON body of ``POST /api/jobs/``."""
        return {
            "submission_id": self.submission_id,
            "entrypoint": self.entrypoint,
            "runtime_env": dict(self.runtime_env),
            "metadata": dict(self.metadata),
            **self.resources,
        }


def filled(entrypoint: str, submission_id: str, generation: int) -> str:
    """Return the shell command with ``{generation}`` and ``{submission_id}`` filled in; other braces stay."""
    return entrypoint.replace("{generation}", str(generation)).replace("{submission_id}", submission_id)


def origin_of(ti: TaskInstanceLike, generation: int) -> dict[str, str]:
    """Return the metadata that names the task of a submission."""
    return {"dag_id": ti.dag_id, "run_id": ti.run_id, "task_id": ti.task_id, "generation": str(generation)}
