"""A finished job's report on estimates, alerts and cost, and its history entry."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from fakes.finished_jobs import BASE, NOW, alert_of, finish, spec_of, trace_of
from fakes.proofs import put_proof
from llmbatch.core.alerts import Level
from llmbatch.core.errors import ForeignManifest
from llmbatch.core.eta.trace import EstimateTrace
from llmbatch.core.progress import Latency, Progress
from llmbatch.core.reactions import Reaction, ReactionKind
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.history.job_report import SlaReport, learn_from, report_sla
from llmbatch.orchestrator.history.lessons import engine_key, read_history


def lesson_ratios(store: MemoryStore) -> list[float | None]:
    (job,) = read_history(BASE, store).jobs
    return [None if ratio is None else round(ratio, 2) for ratio in job.log_ratios]


def test_the_record_tells_what_was_said_and_what_happened() -> None:
    store, spec = MemoryStore(), spec_of()
    finish(store, spec, alerts=[alert_of(spec, Level.YELLOW, 2000), alert_of(spec, Level.RED, 1800)])
    found = report_sla(spec.root_uri, store)
    assert (found.met, found.margin_seconds, found.own_rows) == (True, 3590, 100)
    assert (found.submitted_at, found.model, found.engine) == (NOW, "small", engine_key(spec))
    eta = found.eta
    assert eta is not None
    assert eta.ended_at == NOW + timedelta(seconds=3600)
    assert [mark.progress for mark in eta.marks] == [0.1, 0.25, 0.5, 0.75, 0.9]
    assert eta.error_pct == pytest.approx(10)
    assert eta.bias_pct == pytest.approx(10)
    assert (eta.coverage_pct, eta.width, eta.points, eta.unknown) == (100, pytest.approx(1.3 / 0.8), 20, 1)
    assert [(alert.level, alert.lead_seconds, alert.lead_pct) for alert in found.alerts] == [
        (Level.RED, 5400, 75),
        (Level.YELLOW, 5200, 72.22),
    ]
    assert [change.level for change in found.levels] == [Level.OK, Level.RED, Level.YELLOW]
    assert [count for _, count in found.replicas] == [0, 2]
    assert found.work_seconds == 3420
    assert found.rows_per_second == pytest.approx(100 / 3420, abs=1e-3)
    assert found.cost is not None
    assert found.cost.usd == 10.0
    body = store.get(spec.layout.sla)
    assert SlaReport.model_validate_json(body) == found
    estimate = {"at", "rows", "work", "seconds", "predicted", "replicas"}
    assert {frozenset(each) for each in json.loads(body)["estimates"]} == {frozenset(estimate)}
    assert any("eta_error=10.0% bias=+10.0% interval_held=100%" in line for line in found.lines())


def test_a_repeated_report_writes_the_same_bytes() -> None:
    store, spec = MemoryStore(), spec_of()
    finish(store, spec)
    report_sla(spec.root_uri, store)
    first = store.get(spec.layout.sla)
    learn_from(spec.root_uri, store)
    taught = read_history(BASE, store)
    late = alert_of(spec, Level.CRITICAL, 9000)
    store.put(spec.layout.alert("critical", 1), late.model_dump_json().encode())
    report_sla(spec.root_uri, store)
    learn_from(spec.root_uri, store)
    assert store.get(spec.layout.sla) == first
    assert read_history(BASE, store) == taught


def test_a_record_of_an_older_version_can_be_read() -> None:
    old = {
        "job_id": "job-1",
        "deadline": "2030-01-01T00:00:00Z",
        "finished_at": "2030-01-01T00:00:00Z",
        "met": True,
        "margin_seconds": 0,
        "rows": {"input": 1, "succeeded": 1, "failed": 0},
        "timing": {},
    }
    assert SlaReport.model_validate(old).eta is None


@pytest.mark.parametrize("damage", ["trace", "alert", "reaction", "progress"])
def test_a_damaged_part_costs_that_part_only(damage: str, caplog: pytest.LogCaptureFixture) -> None:
    store, spec = MemoryStore(), spec_of()
    finish(store, spec)
    layout = spec.layout
    uris = {
        "trace": layout.trace(1),
        "alert": layout.alert("red", 1),
        "reaction": layout.reaction(1),
        "progress": layout.progress,
    }
    store.put(uris[damage], b"[1, 2]")
    found = report_sla(spec.root_uri, store)
    learn_from(spec.root_uri, store)
    assert found.eta is not None
    assert (found.eta.points == 0) is (damage == "trace")
    assert found.eta.ended_at == NOW + timedelta(seconds=3610 if damage == "progress" else 3600)
    assert damage in caplog.text or damage == "progress"


def test_a_job_teaches_its_errors_and_what_was_learned() -> None:
    store, spec = MemoryStore(), spec_of()
    finish(store, spec)
    learn_from(spec.root_uri, store)
    (job,) = read_history(BASE, store).jobs
    assert (job.engine, job.rows, job.replicas, job.rate, job.price) == (engine_key(spec), 100, 2, 50.0, 0.03)
    assert job.answers is not None
    assert (job.answers.level, job.answers.long) == (90, 0.03)
    assert job.phases["model_load"] == 180
    assert lesson_ratios(store) == [None, *([-0.1] * 6), None]


def test_a_batch_of_embeddings_teaches_about_embeddings() -> None:
    store, spec = MemoryStore(), spec_of(batch_endpoint="/v1/embeddings")
    finish(store, spec)
    learn_from(spec.root_uri, store)
    (job,) = read_history(BASE, store).jobs
    assert job.task == "embed"


def test_an_estimate_before_a_crash_is_scored_but_not_taught() -> None:
    store, spec = MemoryStore(), spec_of()
    dead = trace_of(spec, 1, end=1000.0, wrong=1.0)
    dead = EstimateTrace.model_validate({**dead.model_dump(), "points": dead.points[:10]})
    finish(store, spec, traces=[dead, trace_of(spec, 2, begin=2600.0)])
    found = report_sla(spec.root_uri, store).eta
    learn_from(spec.root_uri, store)
    assert found is not None
    assert found.points == 10 + 20
    assert found.coverage_pct == pytest.approx(100 * 19 / 28, abs=0.1)
    assert {ratio for ratio in lesson_ratios(store) if ratio is not None} == {-0.1}


@pytest.mark.parametrize(
    ("kind", "learned"), [("replicas", True), ("paused", True), ("model", False), ("max_tokens", False)]
)
def test_only_what_was_said_after_a_reaction_is_taught(kind: str, learned: bool) -> None:
    store, spec = MemoryStore(), spec_of()
    finish(store, spec)
    record = Reaction(kind=ReactionKind(kind), number=1, at=NOW + timedelta(seconds=1500), to="4")
    store.put(spec.layout.reaction(1), record.model_dump_json().encode())
    found = report_sla(spec.root_uri, store)
    learn_from(spec.root_uri, store)
    (job,) = read_history(BASE, store).jobs
    assert found.reactions == (record,)
    assert found.eta is not None
    assert len(found.eta.marks) == 5
    assert [ratio is None for ratio in job.log_ratios] == [True, True, True, False, False, False, False, True]
    assert [fact is not None for fact in (job.rate, job.price, job.answers)] == [learned] * 3
    assert job.phases["model_load"] == 180


def test_a_job_without_estimates_teaches_nothing() -> None:
    store, spec = MemoryStore(), spec_of()
    finish(store, spec, traces=[])
    assert report_sla(spec.root_uri, store).eta is not None
    learn_from(spec.root_uri, store)
    assert read_history(BASE, store).jobs == ()


def test_a_cancelled_job_is_not_scored_and_teaches_nothing() -> None:
    store, spec = MemoryStore(), spec_of()
    manifest = finish(store, spec)
    rows = manifest.rows.model_copy(update={"succeeded": 59, "cancelled": 40})
    store.put(spec.layout.manifest, manifest.model_copy(update={"rows": rows}).model_dump_json().encode())
    found = report_sla(spec.root_uri, store)
    assert (found.eta, found.rows.cancelled) == (None, 40)
    learn_from(spec.root_uri, store)
    assert read_history(BASE, store).jobs == ()


def test_another_job_s_manifest_is_not_reported_and_teaches_nothing() -> None:
    store, spec = MemoryStore(), spec_of()
    finish(store, spec)
    put_proof(store, spec.layout, "job-ffffffffffffffff")
    for read in (report_sla, learn_from):
        with pytest.raises(ForeignManifest, match=spec.job_id):
            read(spec.root_uri, store)
    assert spec.layout.sla not in store.objects


def test_a_retry_counts_its_own_rows_and_no_merged_tokens() -> None:
    store, spec = MemoryStore(), spec_of()
    manifest = finish(store, spec)
    whole = manifest.rows.model_copy(update={"input": 900, "succeeded": 899})
    retry = manifest.model_copy(update={"retry_of": f"{BASE}/jobs/before", "rows": whole})
    store.put(spec.layout.manifest, retry.model_dump_json().encode())
    found = report_sla(spec.root_uri, store)
    assert (found.rows.input, found.own_rows, found.tokens_per_second) == (900, 100, None)
    assert found.rows_per_second == pytest.approx(100 / 3420, abs=1e-3)


def test_rows_that_lost_their_own_columns_are_counted() -> None:
    store, spec = MemoryStore(), spec_of()
    manifest = finish(store, spec)
    dropped = manifest.input.model_copy(update={"columns_dropped": 3})
    store.put(spec.layout.manifest, manifest.model_copy(update={"input": dropped}).model_dump_json().encode())
    assert report_sla(spec.root_uri, store).columns_dropped == 3


def test_latency_and_memory_are_those_of_the_last_heartbeat() -> None:
    store, spec = MemoryStore(), spec_of()
    finish(store, spec)
    last = Progress.model_validate_json(store.get(spec.layout.progress))
    measured = last.model_copy(update={"latency": Latency(p50=1.5, p95=4.0), "peak_memory_mb": 900})
    store.put(spec.layout.progress, measured.model_dump_json().encode())
    found = report_sla(spec.root_uri, store)
    assert (found.latency, found.peak_memory_mb) == (Latency(p50=1.5, p95=4.0), 900)
    store.delete(spec.layout.progress)
    found = report_sla(spec.root_uri, store)
    assert (found.latency, found.peak_memory_mb) == (Latency(), None)
