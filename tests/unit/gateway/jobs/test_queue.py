"""The queue: who runs, who waits, and when each begins and ends."""

from __future__ import annotations

from datetime import timedelta

from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.gateway_jobs import put_heartbeat, put_job, put_run
from llmbatch.core.admission import QueuedJob
from llmbatch.core.progress import EtaSeconds
from llmbatch.gateway.jobs.answers import QueueEntry
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.queue import queue_of


def _queue(gateway: FakeGateway, *admitted: QueuedJob) -> tuple[QueueEntry, ...]:
    documents = JobDocuments(BASE, gateway.store, gateway.clock)
    runs = list(gateway.airflow.dag_runs.values())
    return queue_of(runs, admitted, 2, documents, gateway.clock.now()).jobs


def _admitted(gateway: FakeGateway, job_id: str, hours: float, priority: int = 0) -> QueuedJob:
    eta = EtaSeconds(p10=1, p50=hours * 3600, p90=hours * 7200)
    deadline = gateway.clock.now() + timedelta(hours=9)
    return QueuedJob(job_id=job_id, root_uri="", deadline=deadline, priority=priority, replicas=2, eta=eta)


def test_the_job_that_runs_is_first_and_the_others_follow_by_priority() -> None:
    gateway = fake_gateway()
    low, high = put_run(gateway, "low"), put_run(gateway, "high", priority=5)
    spec = put_job(gateway, "runs")
    put_heartbeat(gateway, spec)
    now = gateway.clock.now()
    jobs = _queue(
        gateway, _admitted(gateway, low, 1), _admitted(gateway, high, 1, 5), _admitted(gateway, spec.job_id, 9)
    )
    assert [(job.position, job.job_id) for job in jobs] == [(1, spec.job_id), (2, high), (3, low)]
    ends = [job.predicted_end and (job.predicted_end - now).total_seconds() for job in jobs]
    assert ends == [1800, 1800 / 2 + 3600, 1800 / 2 + 7200]
    assert jobs[0].predicted_start == spec.created_at
    assert jobs[1].predicted_start == now + timedelta(seconds=900)


def test_a_job_that_is_not_admitted_yet_has_no_times() -> None:
    gateway = fake_gateway()
    put_run(gateway, "new", priority=7)
    (job,) = _queue(gateway)
    assert (job.predicted_start, job.predicted_end, job.priority, job.jobs_unknown) == (None, None, 7, 0)


def test_an_old_heartbeat_gives_no_time() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "runs")
    put_heartbeat(gateway, spec)
    gateway.clock.advance(3600)
    (job,) = _queue(gateway)
    assert (job.predicted_end, job.state.value) == (None, "running")
