"""The drop folder on a real stack: six inputs and two schedulers, of which one is killed, a refusal, a failed job."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from chaos.cell import Matrix
from chaos.stack import ChaosStack, echo_engine
from e2e.running import Running
from llmbatch.core.identity import DROP_DAG
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import read_manifest
from llmbatch_stack.demo.airflow_api import TERMINAL_STATES
from llmbatch_stack.demo.job_run import DAG_ID
from llmbatch_stack.environment import environment
from llmbatch_stack.settings import BUCKET

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

FOLDER = f"s3://{BUCKET}/drops"
PATIENCE_SECONDS = 1200
T = TypeVar("T")


@pytest.fixture(scope="module")
def running(matrix: Matrix) -> Iterator[Running]:
    stack = matrix.stack
    stack.mend()
    inbox = {"uri": f"{FOLDER}/inbox", "defaults": {"sampling": {"max_tokens": 8}, "output_uri": f"{FOLDER}/answers"}}
    stack.configure(echo_engine(stack.journal, 0.05), drop={"inbox": [inbox], "poll_seconds": 2})
    with stack.api() as api:
        yield Running(stack.settings, stack.credentials, stack.store, api)


@pytest.fixture
def second_scheduler(running: Running) -> Iterator[None]:
    """Run another scheduler on the same database, which the stack does not know of."""
    command = [running.settings.python("airflow"), "-m", "airflow", "scheduler", "--skip-serve-logs"]
    env = environment("airflow", running.settings, running.credentials)
    log = running.settings.logs / "second-scheduler.log"
    with log.open("wb") as out, subprocess.Popen(command, env=env, stdout=out, stderr=out) as process:
        eventually(lambda: "Starting the scheduler" in log.read_text() or None, "the second scheduler did not start")
        yield
        assert process.poll() is None, log.read_text()[-2000:]
        process.terminate()


def drop(running: Running, name: str, body: str) -> None:
    running.store.put(f"{FOLDER}/inbox/{name}", body.encode())


def rows(name: str) -> str:
    return "".join(json.dumps({"prompt": f"{name} {n}"}) + "\n" for n in range(3))


def eventually(look: Callable[[], T | None], what: str) -> T:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        found = look()
        if found is not None:
            return found
        time.sleep(0.5)
    raise AssertionError(f"{what} within {PATIENCE_SECONDS} s")


def place_of(running: Running, folder: str, name: str) -> str:
    """Wait until an object is in a folder, at whatever date and job; return its address."""
    return eventually(
        lambda: next(
            (one.uri for one in running.store.list(f"{FOLDER}/{folder}/") if one.uri.endswith(f"/{name}")), None
        ),
        f"{folder} did not get {name}",
    )


def is_empty(running: Running) -> bool | None:
    return None if any(True for _ in running.store.list(f"{FOLDER}/inbox/")) else True


def are_over(running: Running, count: int) -> bool | None:
    """Whether so many runs were started by drops, and all of them are over."""
    states = [state for run_id, state in running.api.runs(DAG_ID).items() if run_id.startswith("drop__")]
    return (len(states) == count and TERMINAL_STATES.issuperset(states)) or None


def kill_scheduler(stack: ChaosStack) -> None:
    os.kill(stack.pid("airflow-scheduler"), signal.SIGKILL)


@pytest.mark.usefixtures("second_scheduler")
def test_six_inputs_and_a_killed_scheduler_give_six_jobs(running: Running, matrix: Matrix):
    names = [f"night-{n}.jsonl" for n in range(6)]
    for name in names:
        drop(running, name, rows(name))
    claims = f"s3://{BUCKET}/llmbatch/drop/open/"
    eventually(lambda: next(iter(running.store.list(claims)), None), "no input was claimed")
    kill_scheduler(matrix.stack)
    eventually(lambda: are_over(running, len(names)), "the jobs did not end")
    running.api.update_asset("llmbatch_inboxes", {})  # else the next scan comes within a minute: see the failed job
    eventually(lambda: is_empty(running), "the inbox did not become empty")
    jobs = set()
    for name in names:
        link = json.loads(running.store.get(place_of(running, "done", f"{name}.manifest.json")))
        manifest = read_manifest(JobLayout(link["manifest_uri"].rpartition("/")[0]), running.store)
        assert (manifest.rows.input, manifest.rows.succeeded, manifest.missing, manifest.duplicates) == (3, 3, 0, 0)
        assert link["input"]["uri"] == f"{FOLDER}/inbox/{name}"
        assert f"/{link['job_id']}/" in place_of(running, "done", name)
        assert all(output.startswith(f"{FOLDER}/answers/{link['job_id']}/") for output in link["outputs"])
        jobs.add(link["job_id"])
    assert len(jobs) == len(names)
    runs = running.api.get(f"/api/v2/dags/{DAG_ID}/dagRuns?limit=100").json()["dag_runs"]
    assert sum(run["dag_run_id"].startswith("drop__") for run in runs) == len(names)


def test_a_misspelt_option_is_a_refusal_with_its_reason(running: Running):
    drop(running, "bad.jsonl.llmbatch.yaml", "sla_hour: 6\n")
    drop(running, "bad.jsonl", rows("bad"))
    reason = running.store.get(place_of(running, "failed", "bad.jsonl.reason.txt")).decode()
    assert "sla_hour: is not a field of a job request. Did you mean 'sla_hours'?" in reason
    assert place_of(running, "failed", "bad.jsonl.llmbatch.yaml")


def test_a_failed_job_leaves_the_error_of_its_task(running: Running):
    drop(running, "odd.jsonl.llmbatch.yaml", "prompt_column: question\n")
    drop(running, "odd.jsonl", rows("odd"))
    reason = running.store.get(place_of(running, "failed", "odd.jsonl.reason.txt")).decode()
    assert "Task accept failed: " in reason
    assert "question" in reason
    assert "drop__" in reason


def test_an_event_of_the_asset_wakes_a_scan(running: Running):
    known = running.api.runs(DROP_DAG).keys()
    running.api.update_asset("llmbatch_inboxes", {})
    eventually(lambda: running.api.runs(DROP_DAG).keys() - known or None, "no scan was started")
