"""Why a job failed."""

from __future__ import annotations

import asyncio

from fakes.gateway import FakeGateway, fake_gateway
from fakes.gateway_jobs import put_run
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.gateway.jobs.answers import JobError
from llmbatch.gateway.jobs.failures import error_of, failed_task, failure_text
from llmbatch.gateway.jobs.lookup import FoundJob

TOKEN = "Bearer viewer-vic"


def _failed(gateway: FakeGateway, **tasks: str) -> FoundJob:
    put_run(gateway, "r", "failed")
    gateway.airflow.tasks[INFERENCE_DAG, "r"] = dict(tasks)
    return FoundJob(gateway.airflow.dag_runs[INFERENCE_DAG, "r"], None)


def test_the_first_failed_task_is_named_with_its_message() -> None:
    gateway = fake_gateway()
    found = _failed(gateway, accept="success", publish="upstream_failed", run="failed", watch="failed")
    gateway.airflow.xcoms[INFERENCE_DAG, "r", "run", "failure"] = "ERROR_RATE: look at the rows"
    error = asyncio.run(error_of(found, TOKEN, gateway.airflow))
    assert error == JobError(task="run", message="ERROR_RATE: look at the rows")


def test_a_task_without_a_message_leads_to_its_log() -> None:
    gateway = fake_gateway()
    found = _failed(gateway, stage="failed")
    assert asyncio.run(failed_task(found, TOKEN, gateway.airflow)) == "stage"
    assert "log" in asyncio.run(failure_text(found, "stage", TOKEN, gateway.airflow))


def test_a_run_that_a_user_failed_has_no_task() -> None:
    gateway = fake_gateway()
    error = asyncio.run(error_of(_failed(gateway), TOKEN, gateway.airflow))
    assert error is not None
    assert (error.task, "marked as failed" in error.message) == ("", True)


def test_a_job_that_has_not_failed_costs_no_call() -> None:
    gateway = fake_gateway()
    put_run(gateway, "r", "success")
    found = FoundJob(gateway.airflow.dag_runs[INFERENCE_DAG, "r"], None)
    assert asyncio.run(error_of(found, TOKEN, gateway.airflow)) is None
    assert gateway.airflow.reads == []
