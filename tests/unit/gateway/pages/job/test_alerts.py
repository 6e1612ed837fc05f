"""Alerts with their lead."""

from __future__ import annotations

from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_job
from fakes.shown_jobs import put_alerts
from llmbatch.core.alerts import Level
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.gateway.jobs.answers import Job
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.view import job_of, links_of
from llmbatch.gateway.pages.job.alerts import alert_lines


def job(gateway: FakeGateway, state: str) -> Job:
    spec = put_job(gateway, "r", state)
    put_alerts(gateway, spec)
    found = FoundJob(gateway.airflow.dag_runs[INFERENCE_DAG, "r"], spec)
    return job_of(found, gateway.parts.documents, gateway.clock.now(), links_of(found, "", ""), None)


def test_the_lead_before_the_deadline_the_newest_first() -> None:
    lines = alert_lines(job(fake_gateway(), "running"))
    assert [line.level for line in lines] == [Level.RED, Level.YELLOW]
    assert [round(line.to_deadline, 3) for line in lines] == [round(2 - 1200 / 3600, 3), round(2 - 600 / 3600, 3)]
    assert {line.to_end for line in lines} == {None}


def test_a_job_that_is_over_has_the_lead_before_its_end() -> None:
    lines = alert_lines(job(fake_gateway(), "failed"))
    assert [round(line.to_end or 0, 3) for line in lines] == [round(1 - 1200 / 3600, 3), round(1 - 600 / 3600, 3)]


def test_an_alert_after_the_deadline_has_a_negative_lead() -> None:
    found = job(fake_gateway(), "running")
    late = found.model_copy(update={"deadline": found.alerts[0].raised_at})
    assert [line.to_deadline for line in alert_lines(late)] == [-600 / 3600, 0]
