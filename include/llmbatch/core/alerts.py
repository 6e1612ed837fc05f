"""An alert: that a job's SLA level has changed, and all that a person woken by it needs."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import EtaSeconds
from llmbatch.core.store import ObjectStore


class Level(StrEnum):
    """SLA levels, the worst last. ``ok`` as an alert says that an earlier red no longer holds."""

    OK = "ok"
    YELLOW = "yellow"
    RED = "red"
    CRITICAL = "critical"


class Alert(BaseModel):
    """``alerts/<level>-<n>.json``. Whoever creates the object sends it; nobody sends it a second time.

    Attributes:
        number: from 1, counted for each level of the job.
        raised_by: ``sensor`` or ``deadline``.
        eta: seconds from ``raised_at``; null while it was unknown.
        miss_probability: 0 to 1; null while the ETA was unknown.
        reason: what drives the prediction.
        progress: part of the rows with an outcome, 0 to 1.
        replicas: engines that answered.
        replicas_needed: smallest number whose P90 would keep the deadline; null if none would, or nobody can say.
        advice: what helps.
        runbook_url: where to read on; empty if none is configured.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    job_id: str
    dag_id: str
    run_id: str
    level: Level
    number: int
    raised_at: AwareDatetime
    raised_by: str
    deadline: AwareDatetime
    eta: EtaSeconds | None = None
    miss_probability: float | None = None
    reason: str = ""
    progress: float | None = None
    replicas: int = 0
    replicas_needed: int | None = None
    advice: str = ""
    runbook_url: str = ""

    @property
    def alert_id(self) -> str:
        """The key by which receivers can tell a repetition."""
        return f"{self.job_id}:{self.level.value}-{self.number}"


def read_alerts(store: ObjectStore, layout: JobLayout) -> tuple[Alert, ...]:
    """Return the job's alerts in the order in which they were raised. Raises ``StoreError``."""
    names = [item.uri for item in store.list(layout.alerts) if item.uri.endswith(".json")]
    found = [Alert.model_validate_json(store.get(uri)) for uri in names if "/" not in uri.removeprefix(layout.alerts)]
    return tuple(sorted(found, key=lambda alert: (alert.raised_at, alert.number)))
