"""Airflow's own deadlines of a job's DAG run: they speak also while no task of it runs.

Loaded by every Airflow process through the plugin, so it imports nothing heavy; see ``deadline_callback`` for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert

from llmbatch.core.job_request import DEFAULT_SLA_HOURS, LONGEST_SLA_HOURS

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

CALLBACK = "llmbatch.orchestrator.watch.deadline_callback.look"
"""Imported by the triggerer."""

YELLOW_AT = 0.7
"""When Airflow looks first. With an earlier ``yellow_at`` in config.yaml the watch speaks first; a later one holds."""


def promised_hours(conf: Mapping[str, object] | None) -> float:
    """Return the SLA that a run's ``conf`` asks for, as accept reads it.

    What accept will reject gives the default: a bad request must come as far as the task that explains it.
    """
    sent = conf if isinstance(conf, Mapping) else {}
    given = next((sent[name] for name in ("sla_hours", "completion_window") if sent.get(name) not in (None, "")), None)
    text = given[:-1] if isinstance(given, str) and given.endswith("h") else given
    try:
        hours = float(text) if isinstance(text, int | float | str) else DEFAULT_SLA_HOURS
    except ValueError:
        return DEFAULT_SLA_HOURS
    return hours if 0 < hours <= LONGEST_SLA_HOURS else DEFAULT_SLA_HOURS


@dataclass(eq=False)
class SlaDeadline(BaseDeadlineReference):
    """The moment at which ``fraction`` of a run's own SLA is used. Airflow asks for it when it creates the run."""

    fraction: float = 1.0
    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    def serialize_reference(self) -> dict[str, Any]:
        """Return what is kept in the serialized DAG."""
        return {"reference_type": self.reference_name, "fraction": self.fraction}

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> SlaDeadline:
        """Return the reference that was kept."""
        return cls(fraction=float(reference_data["fraction"]))

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str) -> datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import select

        run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        return run.run_after + timedelta(hours=promised_hours(run.conf) * self.fraction) if run is not None else None


def sla_deadlines() -> list[DeadlineAlert]:
    """Return the deadlines of a DAG whose runs are jobs: at yellow and at the end of the SLA."""
    return [
        DeadlineAlert(SlaDeadline(fraction), timedelta(0), AsyncCallback(CALLBACK), name=name)
        for fraction, name in ((YELLOW_AT, "yellow"), (1.0, "critical"))
    ]
