from __future__ import annotations

from fakes.finished_jobs import finish
from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.open_jobs import accepted_job, heartbeat, run_of, running_job
from llmbatch.core.identity import job_id_of
from llmbatch.core.sla_status import Status
from llmbatch.core.states import Phase
from llmbatch.core.store import AgedBody, MemoryStore
from llmbatch.gateway.jobs import sla_status
from llmbatch.gateway.jobs.documents import LIVE_SECONDS, JobDocuments
from llmbatch.gateway.jobs.sla_status import SlaStatus, StatusReader


class Counting(MemoryStore):
    """Counts what is read."""

    def __init__(self, inner: MemoryStore) -> None:
        super().__init__()
        self.objects, self.reads = inner.objects, list[str]()

    def get(self, uri: str) -> bytes:
        self.reads.append(uri.rpartition("/")[2])
        return super().get(uri)

    def get_aged(self, uri: str) -> AgedBody:
        return super().get_aged(uri)


def _reader(gateway: FakeGateway) -> StatusReader:
    return StatusReader(JobDocuments(BASE, gateway.store, gateway.clock), gateway.clock)


def test_jobs_are_sorted_by_deadline_with_their_status() -> None:
    gateway = fake_gateway()
    late = running_job(gateway, "late", hours=5)
    running_job(gateway, "soon", hours=0.001)
    waiting = run_of(gateway, "waits", "queued", sla_hours=3)
    runs = tuple(gateway.airflow.dag_runs.values())
    found = _reader(gateway).read(runs)
    assert [(job.progress_pct, job.phase, job.sla_remaining_hours) for job in found.jobs] == [
        (25.0, "work", 0.001),
        (0.0, "queued", 3.0),
        (25.0, "work", 5.0),
    ]
    assert found.jobs[0].status is Status.AT_RISK
    assert found.jobs[1].job_id == job_id_of(waiting.dag_id, waiting.dag_run_id)
    assert (found.jobs[2].job_id, found.truncated) == (late.job_id, False)


def test_a_job_that_waits_past_its_deadline_is_violated() -> None:
    gateway = fake_gateway()
    run = run_of(gateway, "r", "queued", completion_window="1h")
    gateway.clock.advance(3601)
    job = _reader(gateway).read([run]).jobs[0]
    assert (job.status, job.sla_remaining_hours) == (Status.VIOLATED, -0.0003)


def test_a_run_that_is_not_accepted_and_a_damaged_heartbeat_are_jobs_that_have_not_started() -> None:
    gateway = fake_gateway()
    run_of(gateway, "accepting", "running")
    spec = accepted_job(gateway, "damaged")
    gateway.store.put(spec.layout.progress, b"[]")
    runs = tuple(gateway.airflow.dag_runs.values())
    found = _reader(gateway).read(runs)
    assert [(job.phase, job.status) for job in found.jobs] == [("queued", Status.ON_TRACK)] * 2


def test_a_published_job_whose_run_still_reports_is_met() -> None:
    gateway = fake_gateway()
    spec = accepted_job(gateway, "r")
    finish(gateway.store, spec, seconds=3600)
    heartbeat(gateway, spec, 1000, Phase.DONE)
    runs = tuple(gateway.airflow.dag_runs.values())
    job = _reader(gateway).read(runs).jobs[0]
    assert (job.status, job.phase) == (Status.MET, "finished")


def test_dry_runs_are_no_jobs() -> None:
    gateway = fake_gateway()
    run = run_of(gateway, "dry", "running", dry_run=True)
    assert _reader(gateway).read([run]).jobs == ()


def test_a_spec_is_read_once_and_a_waiting_job_reads_nothing() -> None:
    gateway = fake_gateway()
    running_job(gateway, "a")
    run_of(gateway, "b", "queued")
    store = Counting(gateway.store)
    reader = StatusReader(JobDocuments(BASE, store, gateway.clock), gateway.clock)
    runs = tuple(gateway.airflow.dag_runs.values())
    reader.read(runs)
    assert sorted(store.reads) == ["progress.json", "spec.json"]
    gateway.clock.advance(LIVE_SECONDS)
    reader.read(runs)
    assert store.reads[2:] == ["progress.json"]


def test_more_jobs_than_the_most_are_left_out_and_counted_as_such() -> None:
    gateway = fake_gateway()
    runs = [run_of(gateway, f"r{n}", "queued") for n in range(sla_status.MOST_JOBS + 1)]
    found = _reader(gateway).read(runs)
    assert (len(found.jobs), found.truncated) == (sla_status.MOST_JOBS, True)


def test_the_example_of_the_documentation_is_an_answer() -> None:
    for example in SlaStatus.model_json_schema()["examples"]:
        SlaStatus.model_validate(example)
