"""`kill -9` of each container in turn during a job: Docker starts it again, and no row is lost or doubled."""

from __future__ import annotations

import pytest

from containers.jobs import Service
from containers.stack import Stack

pytestmark = pytest.mark.timeout(3600)

ONE_JOB_EACH = (
    "airflow-worker", "ray-worker-cpu", "postgres", "redis", "ray-head", "seaweedfs", "airflow-scheduler", "gateway",
    "airflow-triggerer", "airflow-api-server", "airflow-dag-processor",
)  # fmt: skip
BESIDE_JOBS = ("alertmanager", "prometheus", "statsd-exporter")
"""No job needs them."""
_ROWS = 481


def test_every_service_is_killed(stack: Stack) -> None:
    lasting = {one.service for one in stack.containers().values() if one.state == "running"}
    assert lasting == {*ONE_JOB_EACH, *BESIDE_JOBS}


@pytest.mark.parametrize("name", ONE_JOB_EACH)
def test_nothing_is_lost(stack: Stack, service: Service, name: str) -> None:
    job = service.start(f"kill-{name}", _ROWS, {"sla_hours": 1})
    job.until_committing()
    victim = stack.kill(stack.service(name).name)
    stack.until_back(victim)
    job.finish()
    stack.until_well()


@pytest.mark.parametrize("name", BESIDE_JOBS)
def test_monitoring_comes_back(stack: Stack, name: str) -> None:
    stack.until_back(stack.kill(stack.service(name).name))
