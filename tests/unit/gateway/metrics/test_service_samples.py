from __future__ import annotations

from dataclasses import replace

import pytest

from fakes.finished_jobs import NOW, spec_of
from fakes.gateway import BASE, fake_gateway
from fakes.heartbeat import beat
from fakes.open_jobs import run_of
from fakes.reported_jobs import reported_jobs
from llmbatch.core.admission import QueuedJob
from llmbatch.core.clock import ManualClock
from llmbatch.core.progress import EtaSeconds, Replicas
from llmbatch.core.states import Phase
from llmbatch.gateway.airflow.client import DagRun
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.sla_status import SeenJob
from llmbatch.gateway.metrics.reading import Reading
from llmbatch.gateway.metrics.samples import Samples
from llmbatch.gateway.metrics.service_samples import add_report, add_service
from llmbatch.orchestrator.sla_report.report import figures


def values(samples: Samples) -> dict[str, float]:
    return {
        "/".join((sample.name.removeprefix("llmbatch_"), *sample.labels.values())): sample.value
        for family in samples.families()
        for sample in family.samples
    }


def service(reading: Reading) -> dict[str, float]:
    samples = Samples()
    add_service(samples, reading)
    return values(samples)


def job(number: int, *, p50: float = 100.0, live: int = 2, age: float = 0.0) -> tuple[SeenJob, QueuedJob]:
    """Return a running job whose heartbeat predicts ``p50``; its admission predicted 600 s on 4 replicas."""
    spec = spec_of(number)
    run = DagRun(dag_id=spec.dag_id, dag_run_id=spec.run_id, state="running", run_after=NOW)
    progress = beat(-age, eta=EtaSeconds(p10=1, p50=p50, p90=1000), replicas=Replicas(live=live, wanted=live))
    eta = EtaSeconds(p10=300, p50=600, p90=1200)
    queued = QueuedJob(job_id=spec.job_id, root_uri=spec.root_uri, deadline=spec.deadline, replicas=4, eta=eta)
    return SeenJob(FoundJob(run, spec), progress), queued


def test_every_phase_has_a_series() -> None:
    found = service(Reading(NOW, (job(1)[0], job(2)[0])))
    assert {name: found[name] for name in found if name.startswith("jobs/")} == {
        **{f"jobs/{phase.value}": 0 for phase in Phase},
        "jobs/work": 2,
    }


def test_the_cluster_has_a_series_for_each_set_of_versions() -> None:
    ours = {"llmbatch": "0.1.0", "ray": "2.60.0", "vllm": "0.32.0", "python": "3.11.9"}
    jobs = [job(number)[0] for number in range(1, 5)]
    for number, versions in enumerate((ours, ours, {**ours, "llmbatch": "0.2.0"}, {})):
        progress = jobs[number].progress
        assert progress is not None
        jobs[number] = replace(jobs[number], progress=progress.model_copy(update={"versions": versions}))
    samples = Samples()
    add_service(samples, Reading(NOW, tuple(jobs)))
    [family] = [each for each in samples.families() if each.name == "llmbatch_cluster_info"]
    assert [sample.labels for sample in family.samples] == [ours, {**ours, "llmbatch": "0.2.0"}]
    assert {sample.value for sample in family.samples} == {1}


def test_the_queue_of_airflow() -> None:
    gateway = fake_gateway()
    first = SeenJob(FoundJob(run_of(gateway, "a", "queued"), None))
    gateway.clock.advance(60)
    second = SeenJob(FoundJob(run_of(gateway, "b", "queued"), None))
    found = service(Reading(gateway.clock.now(), (job(1)[0], second, first)))
    assert (found["queue_jobs"], found["queue_oldest_timestamp_seconds"]) == (2, NOW.timestamp())
    empty = service(Reading(NOW))
    assert (empty["queue_jobs"], "queue_oldest_timestamp_seconds" in empty) == (0, False)


def test_the_work_of_the_queue_follows_recent_heartbeats_and_leaves_out_jobs_that_are_over() -> None:
    seen, queued = job(1)
    stale, stale_queued = job(2, age=121)
    _, over = job(3)
    unknown, unknown_queued = job(4)
    unknown = replace(unknown, progress=None)
    reading = Reading(
        NOW,
        (seen, stale, unknown),
        queue=(queued, stale_queued, over, unknown_queued.model_copy(update={"eta": None})),
    )
    assert service(reading)["queue_replica_seconds"] == 100 * 2 + 600 * 4
    assert service(Reading(NOW))["queue_replica_seconds"] == 0


def test_whether_jobs_are_admitted() -> None:
    assert service(Reading(NOW))["admitting"] == 1
    assert service(Reading(NOW, is_admitting=False))["admitting"] == 0


def test_the_report_s_percent_are_ratios() -> None:
    report = figures(BASE, reported_jobs(), ManualClock())
    samples = Samples()
    add_report(samples, report)
    found = values(samples)
    assert report.attainment_pct is not None
    assert found["sla_met_ratio"] == pytest.approx(report.met / report.jobs, abs=1e-4)
    assert found["eta_error_ratio/25"] == pytest.approx(report.eta.median_error_pct["25"] / 100)
    assert report.eta.coverage80_pct is not None
    assert found["eta_coverage_ratio"] == pytest.approx(report.eta.coverage80_pct / 100)


def test_a_report_without_jobs_has_no_series() -> None:
    samples = Samples()
    add_report(samples, figures(BASE, fake_gateway().store, ManualClock()))
    assert samples.families() == ()
