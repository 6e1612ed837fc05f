"""What the head of a page costs, and what it is not asked for."""

from __future__ import annotations

import asyncio

from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_finished, put_job
from fakes.shown_jobs import put_beat, put_rows, staged_row
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.job_spec import JobSpec
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.view import job_of, links_of
from llmbatch.gateway.pages.job.head import Head
from llmbatch.gateway.pages.job.head_reading import HeadReader


def read(gateway: FakeGateway, spec: JobSpec, role: str = "op", name: str = "ann") -> Head:
    found = FoundJob(gateway.airflow.dag_runs[INFERENCE_DAG, spec.run_id], spec)
    parts, now = gateway.parts, gateway.clock.now()
    job = job_of(found, parts.documents, now, links_of(found, "", ""), None)
    reader = HeadReader(parts.job_readings, parts.documents, 16, Caller(name, f"Bearer {role}-{name}"))
    return asyncio.run(reader.read(found, job, now))


def test_a_job_that_runs_has_buttons_and_a_cost_so_far() -> None:
    gateway = fake_gateway(cost={"usd_per_gpu_hour": 2})
    spec = put_job(gateway, "r")
    put_beat(gateway, spec)
    head = read(gateway, spec)
    assert head.cost is not None
    assert head.cost.usd
    assert [button.verb for button in head.buttons] == ["pause", "scale", "drain", "cancel"]
    assert read(gateway, spec, "viewer").buttons == ()


def test_a_finished_job_has_the_cost_of_its_proof() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway)
    put_rows(gateway, spec, [staged_row(1)])
    head = read(gateway, spec)
    assert (head.cost, head.is_over) == (head.job.cost, True)
    assert [button.verb for button in head.buttons] == ["retry-failed", "deliver"]
    assert read(gateway, spec, name="bob").buttons == ()


def test_nothing_is_asked_of_airflow_where_nothing_can_be_done() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway)
    read(gateway, spec, name="bob")
    assert gateway.airflow.reads == []
