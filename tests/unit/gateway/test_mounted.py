"""The application inside of an api-server."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.types import ASGIApp

from fakes.gateway import fake_gateway
from llmbatch.core.errors import ConfigError
from llmbatch.gateway.mounted import MountedGateway

ROOT = Path(__file__).parents[3]


class Built:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.api_servers: list[ASGIApp] = []
        self.server = FastAPI()
        self.server.mount("/llmbatch", MountedGateway(self.build))
        self.client = TestClient(self.server)

    def build(self, api_server: ASGIApp) -> ASGIApp:
        self.api_servers.append(api_server)
        threading.Event().wait(0.05)  # so that others come while it is built
        if self.error is not None:
            raise self.error
        return fake_gateway().client.app


def test_it_is_built_once_at_the_first_request_for_the_api_server_around_it() -> None:
    built = Built()
    assert built.api_servers == []
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: built.client.get("/llmbatch/health").status_code, range(8)))
    assert (answers, built.api_servers) == ([200] * 8, [built.server])


def test_its_pages_know_where_they_are() -> None:
    client = Built().client
    assert "/llmbatch/openapi.json" in client.get("/llmbatch/docs").text
    assert client.get("/llmbatch/keys").status_code == 401
    assert client.get("/llmbatch/openapi.json").json()["servers"] == [{"url": "/llmbatch"}]


def test_a_configuration_that_cannot_be_used_is_503_until_it_is_mended(caplog: pytest.LogCaptureFixture) -> None:
    built = Built(ConfigError("config.yaml:3: secret"))
    answer = built.client.get("/llmbatch/health")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert "secret" not in answer.text
    assert "event=gateway_not_built" in caplog.text
    built.error = None
    assert built.client.get("/llmbatch/health").status_code == 200


def test_importing_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, llmbatch.gateway.mounted as m; print(m.MOUNTED);"
        "assert not {'fastapi', 'starlette', 'boto3', 'httpx', 'pydantic', 'airflow'} & set(sys.modules), sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(ROOT / "include")}, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "llmbatch.gateway\n"), done.stderr
