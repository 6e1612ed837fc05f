"""A deployment with jobs in all states, for the exporter of metrics."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from fakes.finished_jobs import alert_of
from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.heartbeat import beat
from fakes.open_jobs import accepted_job, run_of
from fakes.reported_jobs import reported_jobs
from llmbatch.core.admission import AdmissionQueue, QueuedJob
from llmbatch.core.alerts import Level
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import queue_uri
from llmbatch.core.progress import (
    EngineUse,
    EtaSeconds,
    EtaState,
    Latency,
    Progress,
    Rates,
    Replicas,
    RowCounts,
    ShardCounts,
    StoreUse,
    TokenCounts,
)  # fmt: skip
from llmbatch.core.states import ErrorClass, Phase

VIEWER = {"Authorization": "Bearer viewer-prometheus"}
PRICE = 3.6
"""US dollars an hour: a GPU second costs a thousandth of a dollar."""

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def full_progress(job_id: str, at: datetime, phase: Phase = Phase.WORK, **changes: object) -> Progress:
    """Return a heartbeat with every field that the exporter shows."""
    given: dict[str, Any] = {
        "rows": RowCounts(total=100, succeeded=30, failed=5, expired=3, cancelled=2, running=20),
        "shards": ShardCounts(total=10, committed=4),
        "tokens": TokenCounts(prompt=3000, completion=600, cached=1000, generated=700),
        "rates": Rates(rows_per_second=1.5, output_tokens_per_second=20, recent_output_tokens_per_second=25),
        "latency": Latency(p50=2.5, p95=7.5),
        "replicas": Replicas(live=2, wanted=3, lost=1),
        "rows_redone": 7,
        "dead_letters": {ErrorClass.TOO_LONG: 4, ErrorClass.POISON: 1},
        "engine": EngineUse(kv_cache=0.75, preemptions=9, prefix_queries=2000, prefix_hits=1500),
        "store": StoreUse(requests=50, errors=10, seconds=5.0),
        "eta": EtaSeconds(p10=1200, p50=1800, p90=3600),
        "eta_state": EtaState.ESTIMATED,
        "work_progress": 0.45,
        "versions": {"llmbatch": "0.1.0", "ray": "2.60.0", "vllm": "0.32.0", "python": "3.11.9"},
        "generation": 2,
        **changes,
    }
    return beat(phase=phase, job_id=job_id, written_at=at, **given)


def full_beat(gateway: FakeGateway, spec: JobSpec, phase: Phase = Phase.WORK, **changes: object) -> None:
    """Put such a heartbeat of now."""
    made = full_progress(spec.job_id, gateway.clock.now(), phase, **changes)
    gateway.store.put(spec.layout.progress, made.model_dump_json().encode())


def alert(gateway: FakeGateway, spec: JobSpec, level: Level, seconds: float = 0.0, number: int = 1) -> None:
    found = alert_of(spec, level, seconds, number)
    gateway.store.put(spec.layout.alert(level.value, number), found.model_dump_json().encode())


def queue_up(gateway: FakeGateway, *specs: JobSpec, p50: float = 600) -> None:
    eta = EtaSeconds(p10=p50 / 2, p50=p50, p90=p50 * 2)
    jobs = tuple(
        QueuedJob(job_id=spec.job_id, root_uri=spec.root_uri, deadline=spec.deadline, replicas=4, eta=eta)
        for spec in specs
    )
    gateway.store.put(queue_uri(BASE), AdmissionQueue(jobs=jobs).model_dump_json().encode())


def full_gateway() -> tuple[FakeGateway, JobSpec]:
    """Return a gateway with jobs in every phase and finished ones, and the job that works with full heartbeats."""
    gateway = fake_gateway(cost={"usd_per_gpu_hour": PRICE})
    for uri, body in reported_jobs().objects.items():
        gateway.store.put(uri, body)
    run_of(gateway, "waits", "queued", model="other", priority=5)
    run_of(gateway, "accepting")
    run_of(gateway, "dry", dry_run=True)
    run_of(gateway, "over", "success")
    accepted_job(gateway, "loads")
    for phase in Phase:
        full_beat(gateway, accepted_job(gateway, f"in-{phase.value}"), phase)
    works = accepted_job(gateway, "works")
    full_beat(gateway, works)
    alert(gateway, works, Level.YELLOW)
    queue_up(gateway, works)
    return gateway, works


def scraped(gateway: FakeGateway, headers: dict[str, str] | None = None) -> Series:
    """Return the value of every series of one scrape."""
    answer = gateway.client.get("/metrics", headers=headers or VIEWER)
    assert answer.status_code == 200, answer.text
    return series_of(answer.text)


def series_of(text: str) -> Series:
    found: Series = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"two values of {key}"
            found[key] = sample.value
    return found


def value(series: Series, name: str, **labels: str) -> float | None:
    """Return the one value of the series with this name that have these labels; None if there is none."""
    found = [each for (one, has), each in series.items() if one == name and labels.items() <= dict(has).items()]
    assert len(found) <= 1, f"{len(found)} series of {name} have {labels}"
    return found[0] if found else None
