"""What is shown of jobs in every state."""

from __future__ import annotations

from fakes.finished_jobs import alert_of, finish
from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.gateway_jobs import put_finished, put_heartbeat, put_job, put_run
from llmbatch.core.admission import Admission, Feasibility
from llmbatch.core.alerts import Level
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.sla_status import Status
from llmbatch.core.states import Phase
from llmbatch.gateway.jobs.answers import Job, Links
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.view import admission_of, entry_of, job_of, links_of, listed

LINKS = Links(self="s", results="r", errors="e", run="u")


def _shown(gateway: FakeGateway, run_id: str, *, is_accepted: bool = True) -> Job:
    documents = JobDocuments(BASE, gateway.store, gateway.clock)
    run = gateway.airflow.dag_runs[INFERENCE_DAG, run_id]
    found = FoundJob(run, None)
    spec = documents.spec(found.job_id) if is_accepted else None
    return job_of(FoundJob(run, spec), documents, gateway.clock.now(), LINKS, None)


def test_a_finished_job_has_its_alerts_from_its_proof() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r", "success")
    alert = alert_of(spec, Level.RED, 60)
    finish(gateway.store, spec, alerts=[alert])
    gateway.store.delete(spec.layout.alert("red", 1))
    [shown] = _shown(gateway, "r").alerts
    assert (shown.level, shown.raised_at, shown.reason) == (Level.RED, alert.raised_at, alert.reason)


def test_a_running_job_shows_progress_and_eta() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    put_heartbeat(gateway, spec, sequence=7)
    gateway.store.put(spec.layout.alert("yellow", 1), alert_of(spec, Level.YELLOW, 60).model_dump_json().encode())
    gateway.clock.advance(60)
    job = _shown(gateway, "r")
    assert (job.state.value, job.phase, job.progress_pct, job.status) == ("running", "work", 50.0, Status.ON_TRACK)
    assert (job.eta_p10_hours, job.eta_hours, job.eta_p90_hours) == (0.3167, 0.4833, 0.9833)
    assert job.sla_remaining_hours == round(2 - 60 / 3600, 4)
    assert (job.rows.total, job.rows.succeeded, job.rows.waiting) == (100, 50, 50)
    assert [alert.level for alert in job.alerts] == [Level.YELLOW]
    assert (job.model, job.owner, job.output_uri, job.heartbeat) == ("small", "ann", spec.output_uri, 7)


def test_a_finished_job_shows_its_proof() -> None:
    gateway = fake_gateway()
    put_finished(gateway, "r")
    job = _shown(gateway, "r")
    assert (job.state.value, job.phase, job.progress_pct, job.status) == ("succeeded", "finished", 100.0, Status.MET)
    assert (job.rows.total, job.rows.succeeded, job.rows.failed, job.tokens.completion) == (100, 99, 1, 10_000)
    assert (job.eta_hours, job.throughput.rows_per_second, job.cost and job.cost.usd) == (0.0, None, 10.0)
    assert job.finished_at is not None
    assert job.sla_remaining_hours == round(2 - 3610 / 3600, 4)


def test_a_waiting_job_is_on_track_until_the_deadline_of_its_request() -> None:
    gateway = fake_gateway()
    put_run(gateway, "r", sla_hours=1, model="other")
    job = _shown(gateway, "r", is_accepted=False)
    assert (job.state.value, job.phase, job.status, job.model) == ("queued", "queued", Status.ON_TRACK, "other")
    gateway.clock.advance(3601)
    assert _shown(gateway, "r", is_accepted=False).status is Status.VIOLATED


def test_a_failed_job_is_at_risk_without_an_eta_until_its_deadline() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r", "failed")
    assert (_shown(gateway, "r").status, _shown(gateway, "r").phase) == (Status.AT_RISK, "failed")
    put_heartbeat(gateway, spec, phase=Phase.WORK)
    died = _shown(gateway, "r")
    assert (died.status, died.phase, died.eta_hours, died.miss_probability) == (Status.AT_RISK, "failed", None, None)
    put_heartbeat(gateway, spec, phase=Phase.DRAINED)
    job = _shown(gateway, "r")
    assert (job.status, job.phase, job.eta_hours, job.progress_pct) == (Status.AT_RISK, "drained", None, 50.0)
    gateway.clock.advance(2 * 3600 + 1)
    assert _shown(gateway, "r").status is Status.VIOLATED


def test_a_refused_job_has_no_status() -> None:
    gateway = fake_gateway()
    put_run(gateway, "r", "failed")
    job = _shown(gateway, "r", is_accepted=False)
    assert (job.state.value, job.phase, job.status) == ("failed", "refused", None)


def test_a_job_whose_work_is_done_has_its_proof_before_its_run_is_over() -> None:
    gateway = fake_gateway()
    put_finished(gateway, "r")
    gateway.airflow.set_state(INFERENCE_DAG, "r", "running")
    job = _shown(gateway, "r")
    assert (job.state.value, job.phase, job.rows.failed) == ("running", "finished", 1)


def test_a_list_reads_a_failed_job_but_not_one_that_succeeded() -> None:
    gateway = fake_gateway()
    documents = JobDocuments(BASE, gateway.store, gateway.clock)
    put_job(gateway, "bad", "failed")
    put_finished(gateway, "good")
    runs = gateway.airflow.dag_runs
    bad, good = (
        listed(FoundJob(runs[INFERENCE_DAG, name], None), documents, gateway.clock.now()) for name in ("bad", "good")
    )
    assert (bad.phase, bad.status, good.phase, good.status) == ("failed", Status.AT_RISK, "finished", Status.MET)


def test_an_entry_has_no_model_of_another_type() -> None:
    gateway = fake_gateway()
    put_run(gateway, "r", model=["x"])
    run = gateway.airflow.dag_runs[INFERENCE_DAG, "r"]
    assert entry_of(FoundJob(run, None), None, None, gateway.clock.now()).model is None


def test_links_quote_the_run_id_and_keep_the_place_of_the_api() -> None:
    gateway = fake_gateway()
    job_id = put_run(gateway, "scheduled__2030-01-01T00:00:00+00:00/x")
    found = FoundJob(gateway.airflow.dag_runs[INFERENCE_DAG, "scheduled__2030-01-01T00:00:00+00:00/x"], None)
    links = links_of(found, "/llmbatch", "https://airflow")
    assert links.self == f"/llmbatch/jobs/{job_id}"
    assert links.run.endswith("/runs/scheduled__2030-01-01T00%3A00%3A00%2B00%3A00%2Fx")
    assert links.run.startswith("https://airflow/dags/")


def test_an_admission_is_shown_with_its_reason() -> None:
    now = fake_gateway().clock.now()
    decision = Admission(
        job_id="j", verdict=Feasibility.AT_RISK, decided_at=now, deadline=now, eta_p50=5, replicas=2, reason="long"
    )
    shown = admission_of(decision)
    assert (shown.verdict, shown.eta_p50, shown.reason) == (Feasibility.AT_RISK, 5, "long")
