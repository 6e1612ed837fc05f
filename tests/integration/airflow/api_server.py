"""Airflow's own api-server with the plugin, a database of its own and one user of each role of SimpleAuthManager."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from fakes.airflow_home import ROOT, airflow_environment

from .small_jobs import BUCKET

USERS = ("viewer", "user", "op", "admin")
"""Names; each user has the role of that name, and the name as password."""

_FILL = """
import sys
from airflow.utils.db import initdb
initdb()
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
DagBundlesManager().sync_bundles_to_db()
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
sync_bag_to_db(bag, "dags-folder", None)
"""


class ApiServer:
    """One that runs, and the tokens of its users."""

    def __init__(self, url: str, environment: dict[str, str]) -> None:
        self.url, self.environment = url, environment
        self.tokens = {user: self._token(user) for user in USERS}

    def headers(self, user: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[user]}"}

    def _token(self, user: str) -> str:
        body = {"username": user, "password": user}
        token: str = (
            httpx.post(f"{self.url}/auth/token", json=body, timeout=60).raise_for_status().json()["access_token"]
        )
        return token


@contextmanager
def running(home: Path, port: int, s3: str) -> Iterator[ApiServer]:
    """Run one until the end of the block, with the S3 server at ``s3`` as its store."""
    url = f"http://127.0.0.1:{port}"
    environment = _environment(home, url, s3)
    done = subprocess.run(
        [sys.executable, "-c", _FILL, str(ROOT / "dags")],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "airflow.api_fastapi.main:app",
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    with (home / "api-server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait_until_ready(url, server, home / "api-server.log")
        yield ApiServer(url, environment)
    finally:
        server.terminate()
        server.wait(60)


def _environment(home: Path, url: str, s3: str) -> dict[str, str]:
    config = {"store": {"base_uri": f"s3://{BUCKET}/gateway-test"}, "models": {"small": {"uri": "hub/small"}}}
    (home / "config.yaml").write_text(json.dumps({**config, "default_model": "small", "admins": ["admin"]}))
    (home / "passwords.json").write_text(json.dumps({user: user for user in USERS}))
    connection = {
        "conn_type": "aws",
        "login": "K",
        "password": "S",
        "extra": {"endpoint_url": s3, "region_name": "us-east-1"},
    }
    return {
        **airflow_environment(home),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{user}" for user in USERS),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of this test with enough bytes for its algorithm, which is HS512",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW_CONN_LLMBATCH_S3": json.dumps(connection),
        "LLMBATCH_CONFIG": str(home / "config.yaml"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


def _wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 240
    while not _answers(f"{url}/api/v2/version"):
        if server.poll() is not None or time.monotonic() > until:
            pytest.fail(f"the api-server is not ready\n{log.read_text()[-3000:]}")
        time.sleep(0.2)  # a server of another make: there is nothing to await


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=60).is_success
    except httpx.HTTPError:
        return False
