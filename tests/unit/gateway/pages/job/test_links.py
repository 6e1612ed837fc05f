"""Links to other pages."""

from __future__ import annotations

import asyncio

import pytest

from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_job
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.job_spec import JobSpec
from llmbatch.gateway.pages.job.links import RAY_LINK, Elsewhere, Link, elsewhere, grafana_link, is_web
from llmbatch.gateway.wire.failures import Failure
from llmbatch.orchestrator.ray_jobs.links import RayDashboardLink


def links(gateway: FakeGateway, spec: JobSpec) -> Elsewhere:
    run = gateway.airflow.dag_runs[INFERENCE_DAG, spec.run_id]
    return asyncio.run(elsewhere(run, spec, "https://airflow", gateway.airflow, "Bearer viewer-ann"))


def test_the_run_and_the_logs_of_its_tasks() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r+1:00")
    gateway.airflow.tasks[INFERENCE_DAG, spec.run_id] = {"run": "deferred", "accept": "success", "report": None}
    found = links(gateway, spec)
    assert found.run is not None
    assert found.run.href == f"https://airflow/dags/{INFERENCE_DAG}/runs/r%2B1%3A00"
    assert [(link.name, link.note) for link in found.logs] == [
        ("accept", "success"), ("run", "deferred"), ("report", "not started")
    ]  # fmt: skip


def test_the_page_on_ray_s_dashboard_is_what_the_operator_wrote() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    key = (INFERENCE_DAG, "r", "run", RayDashboardLink().xcom_key)
    assert (RayDashboardLink().xcom_key, links(gateway, spec).ray) == (RAY_LINK, None)
    for address, shown in (("http://ray:8265/#/jobs/x", True), ("javascript:alert(1)", False), (5, False)):
        gateway.airflow.xcoms[key] = address
        assert (links(gateway, spec).ray is not None) is shown


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "//host", "http://[", "", "http://a\u202eb"]
)
def test_what_is_no_address_of_a_page(address: str) -> None:
    assert not is_web(address)


def test_a_run_that_airflow_has_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")

    async def missing(*_: str) -> dict[str, str | None]:
        raise Failure(404, "no run")

    monkeypatch.setattr(gateway.airflow, "task_states", missing)
    assert links(gateway, spec) == Elsewhere(None)


def test_the_dashboard_of_a_job_shows_the_time_of_its_run() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    run = gateway.airflow.dag_runs[INFERENCE_DAG, "r"]
    begin = round(1000 * run.run_after.timestamp())
    board = f"https://grafana/x/d/llmbatch-job/llmbatch-one-job?var-job_id={spec.job_id}&from={begin - 600_000}"
    assert grafana_link("https://grafana/x/", spec.job_id, run) == Link("Grafana", f"{board}&to=now")
    over = run.model_copy(update={"end_date": run.run_after})
    assert grafana_link("https://grafana/x", spec.job_id, over) == Link("Grafana", f"{board}&to={begin + 600_000}")
    assert grafana_link(None, spec.job_id, run) is None
