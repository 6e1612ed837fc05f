"""The stack with the configuration of this checkout: the one that is up, or one that is started and stopped here."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from e2e.mixed import Mixed, run_mixed
from e2e.running import Running
from e2e.sweep import Sweep, start_sweep
from llmbatch_stack import settings as stack_settings
from llmbatch_stack import stack
from llmbatch_stack.credentials import load_or_create
from llmbatch_stack.demo.job_run import open_airflow, open_store

DEMO_ROWS = 48


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    settings = stack_settings.load()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLMBATCH_SCHEDULER_IDLE", "0.5")
        started_here = stack.up(settings, lambda _line: None)
    credentials = load_or_create(settings)
    try:
        with open_airflow(settings, credentials) as api:
            yield Running(settings, credentials, open_store(settings, credentials), api)
    finally:
        if started_here:
            stack.down(settings)


@dataclass(frozen=True)
class Demo:
    """The output of ``make demo``."""

    result: dict[str, object]
    text: str
    rows: int = DEMO_ROWS


@pytest.fixture(scope="session")
def demo(running: Running) -> Demo:
    """Run ``make demo``, as a stranger would type it: real S3, real Airflow, real Ray, real vLLM."""
    command = [running.settings.python("airflow"), "-m", "llmbatch_stack", "demo"]
    env = {
        "PATH": "/usr/bin:/bin", "HOME": str(running.settings.state), "LLMBATCH_DEMO_ROWS": str(DEMO_ROWS),
        "LLMBATCH_PORT_BASE": str(running.settings.port_base), "LLMBATCH_STATE": str(running.settings.state),
        "PYTHONPATH": f"{running.settings.repo}/deploy/embedded:{running.settings.repo}/include",
    }  # fmt: skip
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    last = done.stdout.rstrip().splitlines()[-1]
    assert last.startswith("RESULT {"), done.stdout[-1000:]
    return Demo(json.loads(last.removeprefix("RESULT ")), done.stdout)


@pytest.fixture(scope="session")
def sweep(running: Running) -> Iterator[Sweep]:
    with start_sweep(running) as started:
        yield started


@pytest.fixture(scope="session")
def mixed(running: Running, sweep: Sweep) -> Mixed:
    """Run the job while the sweep waits, which must not take it for an orphan."""
    return run_mixed(running)


@pytest.fixture(scope="session")
def tiny_model(running: Running) -> str:
    """Return the folder of a real model that costs nothing, for what surrounds an engine's answers."""
    repo = running.settings.repo
    done = subprocess.run(
        [running.settings.python("ray"), str(repo / "tests" / "tiny_model.py")],
        env=os.environ | {"PYTHONPATH": str(repo / "include"), "LLMBATCH_MODEL_CACHE": str(running.settings.models)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()[-1]
