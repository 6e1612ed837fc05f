"""The shipped compose file, up: all healthy, closed, and a job through Celery, Postgres and Redis."""

from __future__ import annotations

import pytest

from containers.engine import Engine
from containers.jobs import Service
from containers.stack import Stack

pytestmark = pytest.mark.timeout(3600)


def test_all_services_are_healthy(stack: Stack) -> None:
    stack.until_well()
    assert stack.left_out == ("grafana",)


def test_a_job_runs_through_celery_and_no_row_is_lost_or_doubled(stack: Stack, service: Service) -> None:
    job = service.start("first", 100, {"sla_hours": 1})
    job.finish()
    assert stack.compose("exec", "-T", "airflow-worker", "airflow", "config", "get-value", "core", "executor").endswith(
        "CeleryExecutor\n"
    )


def test_no_secret_is_in_an_environment_or_on_a_command_line(engine: Engine, stack: Stack) -> None:
    secrets = {
        path.name: path.read_text().strip()
        for path in stack.secrets.iterdir()
        if path.is_file() and not path.name.endswith((".json", ".credentials", ".crt", ".key")) and path.stat().st_size
    }
    for name, one in stack.containers().items():
        shown = engine.docker("inspect", name)
        if one.pid:
            shown += engine.docker("top", name, "-eo", "pid,args")
        assert [secret for secret, text in secrets.items() if text in shown] == [], name
