from __future__ import annotations

import math

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from fakes.exported_jobs import Series, full_beat, series_of, value
from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.open_jobs import accepted_job, run_of
from llmbatch.core.progress import EtaState, StoreUse
from llmbatch.core.states import Phase
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.sla_status import SeenJob, StatusReader
from llmbatch.gateway.metrics.job_samples import add_job, phase_of
from llmbatch.gateway.metrics.reading import Details
from llmbatch.gateway.metrics.samples import Samples


def seen(gateway: FakeGateway) -> SeenJob:
    documents = JobDocuments(BASE, gateway.store, gateway.clock)
    (job,) = StatusReader(documents, gateway.clock).look(tuple(gateway.airflow.dag_runs.values()))
    return job


def series(gateway: FakeGateway, details: Details | None = None) -> Series:
    samples, registry = Samples(), CollectorRegistry()
    add_job(samples, seen(gateway), details, gateway.clock.now())

    class Added(Collector):
        def collect(self) -> tuple[object, ...]:  # type: ignore[override]
            return samples.families()

    registry.register(Added())
    return series_of(generate_latest(registry).decode())


@pytest.fixture
def gateway() -> FakeGateway:
    return fake_gateway()


def names(found: Series) -> set[str]:
    return {name for name, _ in found}


def test_the_numbers_of_a_heartbeat(gateway: FakeGateway) -> None:
    spec = accepted_job(gateway, "a")
    full_beat(gateway, spec)
    found = series(gateway, Details(usd=1.25))
    for name, labels, expected in [
        ("rows", {"state": "succeeded"}, 30), ("rows", {"state": "failed"}, 5), ("rows", {"state": "expired"}, 3),
        ("rows", {"state": "cancelled"}, 2), ("rows", {"state": "running"}, 20), ("rows", {"state": "waiting"}, 40),
        ("tokens", {"kind": "prompt"}, 3000), ("tokens", {"kind": "cached"}, 1000),
        ("row_latency_p50_seconds", {}, 2.5), ("row_latency_p95_seconds", {}, 7.5), ("rows_per_second", {}, 1.5),
        ("output_tokens_per_second", {}, 25), ("replicas", {"state": "live"}, 2), ("replicas", {"state": "wanted"}, 3),
        ("replicas_lost", {}, 1), ("rows_redone", {}, 7), ("dead_letter_rows", {"error_class": "too_long"}, 4),
        ("dead_letter_rows", {"error_class": "engine"}, 0), ("kv_cache_ratio", {}, 0.75), ("preemptions", {}, 9),
        ("prefix_cache_tokens", {"result": "queried"}, 2000), ("prefix_cache_tokens", {"result": "hit"}, 1500),
        ("store_requests", {"result": "ok"}, 40), ("store_requests", {"result": "error"}, 10),
        ("store_request_seconds", {}, 0.1), ("shards", {"state": "staged"}, 10), ("shards", {"state": "committed"}, 4),
        ("generation", {}, 2), ("paused", {}, 0), ("work_ratio", {}, 0.45), ("cost_usd", {}, 1.25),
        ("heartbeat_timestamp_seconds", {}, gateway.clock.now().timestamp()),
        ("deadline_timestamp_seconds", {}, spec.deadline.timestamp()),
        ("eta_p10_seconds", {}, 1200), ("eta_p50_seconds", {}, 1800), ("eta_p90_seconds", {}, 3600),
        ("eta_state", {"state": "estimated"}, 1), ("level", {"level": "ok"}, 1), ("phase", {"phase": "work"}, 1),
        ("burn_rate", {}, 0.25),
    ]:  # fmt: skip
        assert value(found, f"llmbatch_job_{name}", job_id=spec.job_id, **labels) == pytest.approx(expected, rel=1e-3)
    assert sum(each for (name, _), each in found.items() if name == "llmbatch_job_rows") == 100


def test_a_job_that_waits_or_is_being_accepted_has_its_names_phase_and_deadline(gateway: FakeGateway) -> None:
    run_of(gateway, "waits", "queued", model="other", priority=7, sla_hours=3)
    found = series(gateway)
    assert names(found) == {
        "llmbatch_job_info", "llmbatch_job_phase", "llmbatch_job_deadline_timestamp_seconds",
    }  # fmt: skip
    assert value(found, "llmbatch_job_info", run_id="waits", model="other", priority="7") == 1
    deadline = gateway.clock.now().timestamp() + 3 * 3600
    assert value(found, "llmbatch_job_deadline_timestamp_seconds") == deadline


def test_what_is_unknown_has_no_series(gateway: FakeGateway) -> None:
    spec = accepted_job(gateway, "a")
    full_beat(gateway, spec, eta=None, eta_state=EtaState.UNKNOWN, engine=None, store=StoreUse(), work_progress=None)
    assert not names(series(gateway)) & {
        "llmbatch_job_eta_p50_seconds", "llmbatch_job_burn_rate", "llmbatch_job_miss_probability",
        "llmbatch_job_kv_cache_ratio", "llmbatch_job_store_request_seconds", "llmbatch_job_work_ratio",
        "llmbatch_job_cost_usd",
    }  # fmt: skip


def test_after_the_deadline_the_burn_rate_is_infinite_whatever_the_eta(gateway: FakeGateway) -> None:
    spec = accepted_job(gateway, "a", hours=1)
    gateway.clock.advance(3601)
    full_beat(gateway, spec, eta=None, eta_state=EtaState.UNKNOWN)
    found = series(gateway)
    assert value(found, "llmbatch_job_burn_rate") == math.inf
    assert value(found, "llmbatch_job_miss_probability") == 1


@pytest.mark.parametrize("phase", [Phase.DONE, Phase.DRAINED, Phase.CANCELLED, Phase.FAILED])
def test_a_ray_job_that_has_ended_has_no_rates(gateway: FakeGateway, phase: Phase) -> None:
    full_beat(gateway, accepted_job(gateway, "a"), phase)
    found = names(series(gateway))
    assert "llmbatch_job_rows" in found
    assert not found & {"llmbatch_job_rows_per_second", "llmbatch_job_replicas"}


def test_a_heartbeat_that_is_old_has_no_rates(gateway: FakeGateway) -> None:
    full_beat(gateway, accepted_job(gateway, "a"))
    gateway.clock.advance(120)
    assert "llmbatch_job_output_tokens_per_second" in names(series(gateway))
    gateway.clock.advance(1)
    assert "llmbatch_job_output_tokens_per_second" not in names(series(gateway))


def test_the_eta_counts_down_between_heartbeats(gateway: FakeGateway) -> None:
    full_beat(gateway, accepted_job(gateway, "a"))
    gateway.clock.advance(60)
    assert value(series(gateway), "llmbatch_job_eta_p50_seconds") == pytest.approx(1740, abs=0.5)


def test_a_job_without_a_heartbeat_is_queued(gateway: FakeGateway) -> None:
    accepted_job(gateway, "a")
    assert phase_of(seen(gateway)) is Phase.QUEUED
