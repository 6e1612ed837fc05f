"""Requests to a job over the real application."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.command_line import command_line
from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_finished, put_job


@pytest.mark.parametrize("verb", ["cancel", "drain", "pause", "resume"])
def test_a_request_reaches_the_job_with_its_reason(verb: str) -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    done = command_line(gateway).run(verb, spec.job_id, "--reason", "why")
    assert (done.code, done.out.startswith(f"{spec.job_id}: ")) == (0, True), done.err
    assert any("why" in call[-1] for call in gateway.airflow.calls)


def test_scale_has_bounds() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    control: Any = command_line(gateway).run("scale", spec.job_id, "--min", "1", "--max", "2", "--json").document
    assert control["control"]["replicas"] == {"min": 1, "max": 2}
    assert command_line(gateway).run("scale", spec.job_id, "--min", "2", "--max", "1").code == 1
    assert command_line(gateway).run("scale", spec.job_id).code == 2


def test_a_user_without_the_right_is_exit_code_3() -> None:
    gateway = fake_gateway()
    spec = put_job(gateway, "r")
    assert command_line(gateway, "user-ann").run("cancel", spec.job_id).code == 3


def test_a_job_that_is_over_is_refused() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway)
    done = command_line(gateway).run("cancel", spec.job_id)
    assert (done.code, spec.job_id in done.err) == (1, True)


def test_retry_starts_a_job() -> None:
    gateway = fake_gateway()
    spec = put_finished(gateway)
    done = command_line(gateway).run("retry", spec.job_id, "--set", "sampling.max_tokens=9")
    assert done.code == 0, done.err
    new = next(run for run in gateway.airflow.dag_runs.values() if run.dag_run_id != spec.run_id)
    assert new.conf == {"sampling": {"max_tokens": 9}, "retry_failed_of": spec.job_id}
    assert "llmbatch watch job-" in done.out
