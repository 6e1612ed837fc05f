"""Requests that schemathesis makes from the OpenAPI document: valid, invalid and odd ones, each answered as documented.

Airflow is a fake here, as are the store and the rights; ``test_gateway_airflow`` has the real ones.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from fakes.client_rooms import python_with
from fakes.gateway import fake_gateway
from fakes.gateway_jobs import put_job
from llmbatch_stack.settings import load

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

SHUTDOWN = "^/(shutdown-graceful|resume)$"
"""Routes after which others answer 503."""
STATES_AND_LIMITS = "positive_data_acceptance"
"""The check that needs every valid request to be accepted: states of jobs and limits of config.yaml refuse some."""


@pytest.fixture
def url() -> Iterator[str]:
    gateway = fake_gateway(admins=("ann",))
    put_job(gateway, "r")
    server = uvicorn.Server(uvicorn.Config(gateway.client.app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.05)  # uvicorn tells it in this flag alone
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("paths", [("--exclude-path-regex", SHUTDOWN), ("--include-path-regex", SHUTDOWN)])
def test_every_answer_is_as_documented(url: str, paths: tuple[str, str], tmp_path: Path) -> None:
    command = [
        python_with("schemathesis", load()), "-c", "from schemathesis.cli import schemathesis; schemathesis()",
        "run", f"{url}/openapi.json", "-H", "Authorization: Bearer admin-ann", "--no-color", "--seed", "1",
        "--phases", "examples,coverage,fuzzing", "--max-examples", "8",
        "--exclude-checks", STATES_AND_LIMITS, *paths,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " 0 generated" not in done.stdout
