from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from fakes.exported_jobs import queue_up
from fakes.finished_jobs import finish
from fakes.gateway import BASE, FakeGateway, fake_gateway
from fakes.open_jobs import accepted_job, heartbeat, run_of, running_job
from llmbatch.core.layout import queue_uri
from llmbatch.core.states import Phase
from llmbatch.gateway.metrics.reader import StateReader
from llmbatch.gateway.metrics.reading import Reading
from llmbatch.orchestrator.steering.service import stop_admission


def read(gateway: FakeGateway) -> Reading:
    return StateReader(BASE, gateway.store, gateway.clock, None).read(tuple(gateway.airflow.dag_runs.values()))


def test_an_empty_deployment() -> None:
    gateway = fake_gateway()
    assert read(gateway) == Reading(gateway.clock.now())


def test_jobs_that_are_not_over_the_queue_and_the_service() -> None:
    gateway = fake_gateway()
    job = running_job(gateway, "a")
    run_of(gateway, "b", "queued")
    run_of(gateway, "dry", "running", dry_run=True)
    queue_up(gateway, job)
    stop_admission(BASE, reason="new GPUs", by="ann", store=gateway.store, clock=gateway.clock)
    found = read(gateway)
    assert [each.found.run.dag_run_id for each in found.jobs] == ["a", "b"]
    assert ([each.job_id for each in found.queue], found.is_admitting) == ([job.job_id], False)
    assert set(found.details) == {job.job_id}


def test_a_spec_is_read_once_a_heartbeat_each_time_and_of_a_waiting_job_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway = fake_gateway()
    running_job(gateway, "a")
    accepted_job(gateway, "b", "queued")
    reads = Counter[str]()
    for method in ("get", "get_aged"):
        inner = getattr(gateway.store, method)

        def counting(uri: str, inner: Callable[[str], object] = inner, method: str = method) -> object:
            reads[f"{method} {uri.rpartition('/')[2]}"] += 1
            return inner(uri)

        monkeypatch.setattr(gateway.store, method, counting)
    reader, runs = StateReader(BASE, gateway.store, gateway.clock, None), tuple(gateway.airflow.dag_runs.values())
    for _ in range(3):
        reader.read(runs)
        gateway.clock.advance(3600)
    assert (reads["get spec.json"], reads["get_aged progress.json"]) == (1, 3)


def test_a_published_job_whose_run_still_reports_is_over() -> None:
    gateway = fake_gateway()
    spec = accepted_job(gateway, "r")
    finish(gateway.store, spec)
    heartbeat(gateway, spec, 1000, Phase.DONE)
    assert read(gateway).jobs == ()


def test_the_clock_is_compared_with_that_of_the_store() -> None:
    gateway = fake_gateway()
    queue_up(gateway)
    reader = StateReader(BASE, gateway.store, gateway.clock, None)
    assert reader.read(()).skew == 0
    ahead = fake_gateway().clock
    ahead.advance(90)
    assert StateReader(BASE, gateway.store, ahead, None).read(()).skew == 90


def test_a_queue_that_cannot_be_read_is_empty() -> None:
    gateway = fake_gateway()
    gateway.store.put(queue_uri(BASE), b"[]")
    assert read(gateway).queue == ()
