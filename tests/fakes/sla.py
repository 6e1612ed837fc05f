"""A job in a store in memory, with heartbeats and alerts."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fakes.heartbeat import beat
from llmbatch.core.alerts import Alert, read_alerts
from llmbatch.core.config import load_config
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.progress import EtaSeconds, Progress
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.intake.accept import accept

ROOT = Path(__file__).parents[2]
CONFIG = load_config(ROOT / "config" / "config.yaml")
HOURS = 1.0


def accepted(store: MemoryStore, created_at: datetime, run_id: str = "r", **request: Any) -> JobSpec:
    """Accept a job whose deadline is an hour after ``created_at``."""
    store.put("s3://llmbatch/in/a.jsonl", b'{"prompt": "hi"}\n')
    job_request = JobRequest(input_uri="s3://llmbatch/in/a.jsonl", sla_hours=HOURS, **request)
    return accept(job_request, dag_id="d", run_id=run_id, created_at=created_at, config=CONFIG, store=store)


def heartbeat(spec: JobSpec, at: datetime, sequence: int, *, late: bool | None) -> Progress:
    """A heartbeat whose ETA is far after the deadline, far before it, or unknown."""
    left = max(1.0, (spec.deadline - at).total_seconds())
    eta = None if late is None else EtaSeconds(p10=left * 2, p50=left * 3, p90=left * 4)
    if late is False:
        eta = EtaSeconds(p10=left / 40, p50=left / 30, p90=left / 20)
    return beat(job_id=spec.job_id, sequence=sequence, written_at=at, eta=eta, eta_reason="rows are long")


def alert_names(spec: JobSpec, store: MemoryStore) -> list[str]:
    return [f"{item.level.value}-{item.number}" for item in alerts_of(spec, store)]


def alerts_of(spec: JobSpec, store: MemoryStore) -> tuple[Alert, ...]:
    return read_alerts(store, spec.layout)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)
