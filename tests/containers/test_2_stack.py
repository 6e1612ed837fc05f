"""The shipped compose file, up: all healthy, closed, and a job through Celery, Postgres and Redis."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from containers.engine import Engine
from containers.jobs import Service
from containers.stack import PROJECT, Stack

pytestmark = pytest.mark.timeout(3600)

PUBLISHED = {"airflow-api-server": 8080, "alertmanager": 9093, "gateway": 8000, "prometheus": 9090, "ray-head": 8265}
"""The table of docs/compose.md, without Grafana."""
_S3_SECRET = re.compile(r"^aws_secret_access_key *= *(\S+)$", re.MULTILINE)
_SCRAPE_SECONDS = 120
_JOBS = ("alertmanager", "llmbatch", "prometheus", "ray", "statsd")
"""Of config/prometheus/prometheus.yml."""


def test_all_services_are_healthy(stack: Stack) -> None:
    stack.until_well()
    assert stack.left_out == ("grafana",)
    unchecked = {one.service for one in stack.containers().values() if one.state == "running" and not one.health}
    assert unchecked == set()


def test_a_job_runs_through_celery_and_no_row_is_lost_or_doubled(stack: Stack, service: Service) -> None:
    job = service.start("first", 100, {"sla_hours": 1})
    job.finish()
    assert stack.compose("exec", "-T", "airflow-worker", "airflow", "config", "get-value", "core", "executor").endswith(
        "CeleryExecutor\n"
    )
    query = "select count(*) from celery_taskmeta where status = 'SUCCESS'"
    psql = ["exec", "-T", "postgres", "psql", "-U", "airflow", "-d", "airflow", "-At", "-c", query]
    assert int(stack.compose(*psql)) > 0


def test_documented_ports_are_published_on_loopback_and_no_others(engine: Engine, stack: Stack) -> None:
    published: dict[str, set[tuple[str, int]]] = {}
    for name, one in stack.containers().items():
        network = engine.inspect(name)["NetworkSettings"]
        assert isinstance(network, dict)
        for bindings in network["Ports"].values():
            for binding in bindings or ():
                published.setdefault(one.service, set()).add((binding["HostIp"], int(binding["HostPort"])))
    assert published == {name: {("127.0.0.1", port)} for name, port in PUBLISHED.items()}
    (address,) = engine.inspect(f"{PROJECT}_default")["IPAM"]["Config"]  # type: ignore[index]
    for port in PUBLISHED.values():
        socket.create_connection(("127.0.0.1", port), 5).close()
        with pytest.raises(ConnectionRefusedError):  # an address of this machine that others can reach
            socket.create_connection((address["Gateway"], port), 5)


def test_no_secret_is_in_an_environment_a_command_line_or_a_log(engine: Engine, stack: Stack) -> None:
    secrets: dict[str, str] = {}
    for path in stack.secrets.iterdir():
        if path.name.endswith(".credentials"):
            (secrets[path.name],) = _S3_SECRET.findall(path.read_text())
        elif path.is_file() and not path.name.endswith((".json", ".crt", ".key")) and path.stat().st_size:
            secrets[path.name] = path.read_text().strip()
    assert {"airflow_s3.credentials", "postgres_password", "ray_token"} <= set(secrets)
    for name, one in stack.containers().items():
        shown = engine.docker("inspect", name)
        if one.pid:
            shown += engine.docker("top", name, "-eo", "pid,args")
            shown += "".join(_environments(engine, name))
        shown += stack.compose("logs", "--no-color", one.service)  # of both streams
        assert [secret for secret, text in secrets.items() if text in shown] == [], name


def test_prometheus_reads_every_target_once_it_has_its_key(stack: Stack) -> None:
    script = stack.repo / "deploy" / "compose" / "make-metrics-key.sh"
    variables = stack.engine.environment | {
        "COMPOSE_PROJECT_NAME": PROJECT, "COMPOSE_ENV_FILES": str(stack.folder / "env"),
    }  # fmt: skip
    done = subprocess.run(
        ["bash", str(script), str(stack.secrets)], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    deadline = time.monotonic() + _SCRAPE_SECONDS
    while (health := _targets()) != {job: {"up"} for job in _JOBS}:
        assert time.monotonic() < deadline, health
        time.sleep(2)


def _targets() -> dict[str, set[str]]:
    """Return the health of Prometheus's targets by job."""
    answer = httpx.get("http://127.0.0.1:9090/api/v1/targets", timeout=10).raise_for_status().json()
    found: dict[str, set[str]] = {}
    for target in answer["data"]["activeTargets"]:
        found.setdefault(target["labels"]["job"], set()).add(target["health"])
    return found


def _environments(engine: Engine, name: str) -> list[str]:
    """Return the environment of each process of a container, as the kernel shows it."""
    found = []
    for line in engine.docker("top", name, "-eo", "pid").splitlines()[1:]:
        try:
            found.append((Path("/proc") / line.strip() / "environ").read_text(errors="replace"))
        except OSError:
            continue  # it has ended
    return found
