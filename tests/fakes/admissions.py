"""Jobs that are accepted one after another, and the queue that they enter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from fakes.retries import CONFIG, CREATED
from llmbatch.core.admission import Admission, AdmissionQueue
from llmbatch.core.clock import ManualClock
from llmbatch.core.eta.basis import EtaBasis
from llmbatch.core.eta.priors import LengthPrior, Priors
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import queue_uri
from llmbatch.core.progress import EtaSeconds, Progress, Replicas, RowCounts, ShardCounts
from llmbatch.core.states import Phase
from llmbatch.core.store import MemoryStore, ObjectInfo
from llmbatch.orchestrator.admission.admit import read_admission
from llmbatch.orchestrator.intake.accept import accept, request_of

BASE = "s3://llmbatch/llmbatch"
QUEUE = queue_uri(BASE)


HOUR_OF_WORK = EtaBasis(
    engine="e",
    priors=Priors(
        lengths=LengthPrior(level=100.0, slope=0.0, spread=0.01, long=0.0), price=1e-9, rate=1.0, commit_seconds=0.0
    ),
)
"""One unit of work a second; the input below is an hour of it: 36 answers of 100 tokens. P90 is 2.5 hours."""


class RacingStore(MemoryStore):
    """Lets another process act before the next conditional writes of the queue. Its clock is set by each call here."""

    def __init__(self) -> None:
        self.clock = ManualClock(CREATED)
        super().__init__(self.clock)
        self.before: list[Callable[[], object]] = []

    def set_clock(self, after: timedelta) -> None:
        self.clock.advance((CREATED + after - self.clock.now()).total_seconds())

    def create(self, uri: str, body: bytes) -> ObjectInfo:
        self._intrude(uri)
        return super().create(uri, body)

    def replace(self, uri: str, body: bytes, etag: str) -> ObjectInfo:
        self._intrude(uri)
        return super().replace(uri, body, etag)

    def _intrude(self, uri: str) -> None:
        if uri == QUEUE and self.before:
            self.before.pop(0)()


def store_with_work() -> RacingStore:
    store = RacingStore()
    store.put("s3://b/in.jsonl", b'{"prompt": "hi"}\n' * 36)
    return store


def submit(store: RacingStore, run_id: str, hours: float, at: timedelta = timedelta(), **conf: Any) -> JobSpec:
    store.set_clock(at)
    return accept(
        request_of({}, {"input_uri": "s3://b/in.jsonl", "sla_hours": hours, **conf}),
        dag_id="d",
        run_id=run_id,
        created_at=CREATED + at,
        config=CONFIG,
        store=store,
        clock=ManualClock(CREATED + at),
    )


def said_of(spec: JobSpec, store: MemoryStore) -> Admission:
    said = read_admission(spec, store)
    assert said is not None
    return said


def queued(store: MemoryStore) -> list[str]:
    return [job.job_id for job in AdmissionQueue.model_validate_json(store.get(QUEUE)).jobs]


def beat(
    spec: JobSpec,
    store: RacingStore,
    at: timedelta,
    phase: Phase,
    eta: EtaSeconds | None,
    *,
    driver_ahead: timedelta = timedelta(),
) -> None:
    """Let the driver, whose clock may be ahead of all others, write a heartbeat."""
    store.set_clock(at)
    progress = Progress(
        job_id=spec.job_id,
        generation=1,
        sequence=1,
        phase=phase,
        written_at=CREATED + at + driver_ahead,
        started_at=CREATED,
        rows=RowCounts(),
        shards=ShardCounts(),
        replicas=Replicas(live=1),
        eta=eta,
    )
    store.put(spec.layout.progress, progress.model_dump_json().encode())
