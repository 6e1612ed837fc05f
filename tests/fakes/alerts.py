from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from llmbatch.core.alerts import Alert, Level
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import EtaSeconds
from llmbatch.core.store import MemoryStore, ObjectInfo

LAYOUT = JobLayout("s3://b/jobs/job-1")
START = datetime(2030, 1, 1, tzinfo=UTC)


def an_alert(level: Level, number: int = 1, *, minute: int = 0, job_id: str = "job-1") -> Alert:
    return Alert(
        job_id=job_id,
        dag_id="llmbatch_inference",
        run_id="run-1",
        level=level,
        number=number,
        raised_at=START + timedelta(minutes=minute),
        raised_by="sensor",
        deadline=START + timedelta(hours=4),
        eta=EtaSeconds(p10=3600, p50=5 * 3600, p90=9 * 3600),
        miss_probability=0.8,
        reason="rows are longer than expected",
        progress=0.4,
        replicas=2,
        replicas_needed=3,
        runbook_url=f"https://runbook.example/x#sla-{level.value}",
    )


class FakeSink:
    """Accepts alerts; the n-th call has the fault ``faults[n]``."""

    def __init__(self, name: str, faults: dict[int, Callable[[], None]] | None = None) -> None:
        self.name = name
        self.faults = faults or {}
        self.calls = 0
        self.got: list[str] = []

    def send(self, alert: Alert) -> None:
        number, self.calls = self.calls, self.calls + 1
        self.faults.get(number, lambda: None)()
        self.got.append(alert.alert_id)


class AtomicStore(MemoryStore):
    """A store whose conditional writes are atomic among threads, like those of a real store."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        with self._lock:
            return super().create(uri, body)

    def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
        with self._lock:
            return super().replace(uri, body, etag)
