"""Airflow's own deadlines of a job's DAG run: they also hold while no task of it runs.

Loaded by every Airflow process through the plugin, so it imports nothing heavy; see ``deadline_callback`` for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert

from llmbatch.core.clock import later
from llmbatch.core.sla_hours import sla_hours_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

CALLBACK = "llmbatch.orchestrator.watch.deadline_callback.look"
"""Imported by the triggerer."""

YELLOW_AT = 0.7
"""Share of the SLA at which Airflow calls back first. The watch alone handles an earlier ``yellow_at``."""


@dataclass(eq=False)
class SlaDeadline(BaseDeadlineReference):
    """The time at which ``fraction`` of a run's own SLA is used. Airflow evaluates it when it creates the run."""

    fraction: float = 1.0
    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    def serialize_reference(self) -> dict[str, Any]:
        """Return what Airflow stores in the serialized DAG."""
        return {"reference_type": self.reference_name, "fraction": self.fraction}

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> SlaDeadline:
        """Return the reference that Airflow stored."""
        return cls(fraction=float(reference_data["fraction"]))

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str) -> datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import select

        run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        return later(run.run_after, 3600 * sla_hours_of(run.conf) * self.fraction) if run is not None else None


def sla_deadlines() -> list[DeadlineAlert]:
    """Return the deadlines of a DAG whose runs are jobs: at yellow and at the end of the SLA."""
    return [
        DeadlineAlert(SlaDeadline(fraction), timedelta(0), AsyncCallback(CALLBACK), name=name)
        for fraction, name in ((YELLOW_AT, "yellow"), (1.0, "critical"))
    ]
