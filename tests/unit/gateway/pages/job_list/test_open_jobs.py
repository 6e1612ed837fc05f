from __future__ import annotations

import asyncio

import pytest

from fakes.exported_jobs import alert, full_beat, queue_up
from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_job, put_run
from llmbatch.core.alerts import Level
from llmbatch.core.errors import StoreError
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.progress import Progress
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.metrics.exporter import COLLECT_SECONDS
from llmbatch.gateway.pages.job_list import open_jobs as module
from llmbatch.gateway.pages.job_list.open_job import OpenJob
from llmbatch.gateway.pages.job_list.open_jobs import SHARED_SECONDS, OpenJobs, OpenJobsReader
from llmbatch.gateway.wire.failures import Failure

CALLER = Caller("vic", "Bearer viewer-vic")


def reader_of(gateway: FakeGateway) -> OpenJobsReader:
    parts = gateway.parts
    return OpenJobsReader(parts.config, parts.documents, parts.airflow, parts.exporter, parts.clock)


def read(reader: OpenJobsReader, caller: Caller = CALLER) -> OpenJobs:
    return asyncio.run(reader.read(caller))


def by_name(found: OpenJobs) -> dict[str, OpenJob]:
    return {job.run_id: job for job in found.jobs}


def test_open_jobs_have_their_state_and_the_last_alert() -> None:
    gateway = fake_gateway(cost={"usd_per_gpu_hour": 3.0})
    works = put_job(gateway, "works", owner="bob")
    full_beat(gateway, works)
    alert(gateway, works, Level.RED)
    put_run(gateway, "waits", model="other")
    put_run(gateway, "over", "success")
    put_run(gateway, "dry", dry_run=True)
    found = by_name(read(reader_of(gateway)))
    assert set(found) == {"works", "waits"}
    job = found["works"]
    assert (job.found.owner, job.model, job.level, job.status.progress_pct) == ("bob", "small", Level.RED, 40)
    assert job.details is not None
    assert (job.details.gpu_hours, job.details.usd) == (0, 0)
    assert (found["waits"].model, found["waits"].level, found["waits"].progress) == ("other", Level.OK, None)


def test_a_request_without_a_model_has_the_default_one() -> None:
    gateway = fake_gateway()
    put_run(gateway, "waits")
    assert read(reader_of(gateway)).jobs[0].model == "small"


def test_who_waits_for_whom() -> None:
    gateway = fake_gateway()
    works = put_job(gateway, "works")
    full_beat(gateway, works)
    first, second = put_job(gateway, "first", "queued"), put_run(gateway, "second", "queued")
    queue_up(gateway, works, first)
    found = by_name(read(reader_of(gateway)))
    assert found["works"].place is None
    places = [found[name].place for name in ("first", "second")]
    assert [(place.number, place.before.run.dag_run_id) for place in places if place and place.before] == [
        (1, "works"), (2, "first"),
    ]  # fmt: skip
    assert places[0] is not None
    assert places[0].start is not None
    assert places[0].end is not None
    assert places[0].end > places[0].start > gateway.clock.now()
    assert (places[1] and places[1].start) is None
    assert found["second"].job_id == second


def test_the_store_is_read_once_for_all_and_for_new_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = fake_gateway()
    works = put_job(gateway, "works")
    full_beat(gateway, works)
    reader = reader_of(gateway)
    read(reader)
    read_uris: list[str] = []
    inner = gateway.store.get_aged

    def counting(uri: str) -> object:
        read_uris.append(uri)
        return inner(uri)

    monkeypatch.setattr(gateway.store, "get_aged", counting)
    gateway.clock.advance(SHARED_SECONDS)
    new = put_job(gateway, "new")
    full_beat(gateway, new)
    found = by_name(read(reader, Caller("vera", "Bearer viewer-vera")))
    assert found["new"].status.progress_pct == 40
    assert [uri for uri in read_uris if uri.endswith("progress.json")] == [new.layout.progress]
    gateway.clock.advance(COLLECT_SECONDS)
    read(reader)
    assert read_uris.count(works.layout.progress) == 1


def test_a_job_that_is_over_is_gone_though_the_state_was_read_before() -> None:
    gateway = fake_gateway()
    works = put_job(gateway, "works")
    full_beat(gateway, works)
    reader = reader_of(gateway)
    assert len(read(reader).jobs) == 1
    gateway.clock.advance(SHARED_SECONDS)
    gateway.airflow.set_state(INFERENCE_DAG, "works", "success", gateway.clock.now())
    assert read(reader).jobs == ()


def test_readers_of_equal_rights_share_one_list() -> None:
    gateway = fake_gateway()
    put_run(gateway, "waits")
    reader = reader_of(gateway)
    found = read(reader)
    gateway.airflow.reads.clear()
    assert read(reader) is found
    assert gateway.airflow.reads == []
    assert read(reader, Caller("vera", "Bearer viewer-vera")) is not found
    with pytest.raises(Failure, match="does not accept"):
        read(reader, Caller("x", "Bearer nobody"))


def test_state_that_is_too_old_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = fake_gateway()
    full_beat(gateway, put_job(gateway, "works"))
    reader = reader_of(gateway)
    read(reader)

    def fail(uri: str) -> None:
        raise StoreError("down")

    for method in ("get", "get_aged", "head", "list"):
        monkeypatch.setattr(gateway.store, method, fail)
    gateway.clock.advance(module.OLD.total_seconds() - 1)
    assert len(read(reader).jobs) == 1
    gateway.clock.advance(2)
    with pytest.raises(StoreError):
        read(reader)


def test_many_jobs_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_JOBS", 3)
    gateway = fake_gateway()
    for n in range(4):
        put_run(gateway, f"r{n}")
    found = read(reader_of(gateway))
    assert (len(found.jobs), found.is_cut) == (3, True)


def test_a_job_that_publishes_shows_its_last_heartbeat() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "works")
    full_beat(gateway, spec)
    found = read(reader_of(gateway)).jobs[0].progress
    assert isinstance(found, Progress)
