"""The daily checks over a fake Airflow and a store in memory."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_run
from fakes.open_jobs import running_job
from llmbatch.core.backups import BackupRecord, note_backup
from llmbatch.core.identity import INFERENCE_DAG, MAINTENANCE_DAG
from llmbatch.core.store import AgedBody
from llmbatch.gateway.airflow.client import DagRun
from llmbatch.gateway.jobs.check_rules import Check, Checks
from llmbatch.gateway.jobs.readings import PERMISSION_USABLE_SECONDS
from llmbatch.gateway.wire.failures import Failure
from llmbatch.orchestrator.jobs.day_index import note_accepted


@pytest.fixture
def gateway() -> FakeGateway:
    return fake_gateway()


def read(gateway: FakeGateway, role: str = "viewer") -> Checks:
    gateway.clock.advance(11)  # beyond the reading before
    return asyncio.run(gateway.parts.checks.read(f"Bearer {role}-ann"))


def named(gateway: FakeGateway, name: str) -> Check:
    (found,) = [check for check in read(gateway).checks if check.name == name]
    return found


def put_maintenance(gateway: FakeGateway, **tasks: str | None) -> None:
    now = gateway.clock.now()
    run = DagRun(dag_id=MAINTENANCE_DAG, dag_run_id="m", state="success", run_after=now, end_date=now)
    gateway.airflow.dag_runs[MAINTENANCE_DAG, "m"] = run
    gateway.airflow.tasks[MAINTENANCE_DAG, "m"] = dict(tasks)


def test_an_idle_service_has_nothing_wrong(gateway: FakeGateway) -> None:
    found = read(gateway)
    assert [check.name for check in found.checks] == [
        "cluster", "retention", "deadlines", "queue", "failures", "orphans", "backups", "server disk", "store clock",
        "versions",
    ]  # fmt: skip
    assert {check.state.value for check in found.checks if check.name != "server disk"} == {"ok", "look"}
    assert {"llmbatch", "airflow", "python", "config"} == set(found.versions)
    assert found.retention == {"staged_days": 7, "jobs_days": 90, "dead_generations_days": 7}


def test_the_digest_is_that_of_the_configuration(gateway: FakeGateway) -> None:
    other = fake_gateway(retention={"jobs_days": 30})
    assert read(gateway).versions["config"] == read(fake_gateway()).versions["config"]
    assert read(gateway).versions["config"] != read(other).versions["config"]


def test_a_running_job_is_no_orphan_until_its_run_is_over(gateway: FakeGateway) -> None:
    spec = running_job(gateway, "a")
    note_accepted(spec, gateway.store)
    assert named(gateway, "orphans").state.value == "ok"
    gateway.airflow.set_state(INFERENCE_DAG, "a", "failed")
    found = named(gateway, "orphans")
    assert (found.state.value, spec.job_id in found.text) == ("look", True)
    gateway.clock.advance(60)
    assert named(gateway, "orphans").state.value == "ok", "a job without a heartbeat does not run"


def test_a_failed_run_a_waiting_job_and_a_late_one_are_seen(gateway: FakeGateway) -> None:
    put_run(gateway, "bad", "failed")
    put_run(gateway, "waits")
    spec = running_job(gateway, "late", hours=0.001)
    assert "bad" in named(gateway, "failures").text
    assert "1 jobs wait" in named(gateway, "queue").text
    assert f"{spec.job_id} violated" in named(gateway, "deadlines").text


def test_the_maintenance_shows_whether_ray_answers(gateway: FakeGateway) -> None:
    put_maintenance(gateway, sweep_orphans="success", expire="skipped")
    assert "Ray answered Airflow" in named(gateway, "cluster").text
    put_maintenance(gateway, sweep_orphans="failed", expire="failed")
    assert [named(gateway, name).state.value for name in ("cluster", "retention")] == ["wrong", "wrong"]


def test_who_may_not_read_the_maintenance_sees_the_rest(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = gateway.airflow.runs

    async def some(authorization: str, dag_id: str, **given: object) -> tuple[DagRun, ...]:
        if dag_id == MAINTENANCE_DAG:
            raise Failure(403, "no")
        return await runs(authorization, dag_id, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(gateway.airflow, "runs", some)
    assert "you may not read" in named(gateway, "cluster").text


def test_backups_are_read_and_returned(gateway: FakeGateway) -> None:
    when = gateway.clock.now() - timedelta(hours=30)
    record = BackupRecord(finished_at=when, target="s3://safe/jobs/", objects=3, bytes=44, copied=1)
    note_backup("s3://b/base/jobs/", record, gateway.store)
    assert named(gateway, "backups").state.value == "wrong"
    assert read(gateway).backups == (record,)


def behind(found: AgedBody, seconds: float) -> AgedBody:
    """Return what a store would answer whose clock is behind."""
    assert found.at is not None
    return replace(found, at=found.at - timedelta(seconds=seconds))


def test_the_clocks_of_gateway_and_store_are_compared(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = running_job(gateway, "a")
    note_accepted(spec, gateway.store)
    gateway.clock.advance(500)
    assert named(gateway, "store clock").text == "0 s from the gateway's"
    aged = gateway.store.get_aged
    monkeypatch.setattr(gateway.store, "get_aged", lambda uri: behind(aged(uri), 90))
    assert "90 s ahead of the store" in named(gateway, "store clock").text


def test_callers_share_no_reading_and_one_caller_does(gateway: FakeGateway) -> None:
    read(gateway)
    count = len(gateway.airflow.reads)
    asyncio.run(gateway.parts.checks.read("Bearer viewer-ann"))
    assert len(gateway.airflow.reads) == count, "ten seconds are not over"
    with pytest.raises(Failure) as refused:
        read(gateway, "nobody")
    assert refused.value.status == 401


def test_who_loses_the_right_gets_no_kept_reading(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    read(gateway)

    async def refuse(*_: object, **__: object) -> tuple[DagRun, ...]:
        raise Failure(403, "no")

    monkeypatch.setattr(gateway.airflow, "runs", refuse)
    gateway.clock.advance(PERMISSION_USABLE_SECONDS)
    with pytest.raises(Failure) as refused:
        asyncio.run(gateway.parts.checks.read("Bearer viewer-ann"))
    assert refused.value.status == 403
