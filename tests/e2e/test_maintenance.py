"""``llmbatch_maintenance`` on the real stack: Airflow reports which runs are gone, Ray which jobs still run."""

import time

import pytest

from e2e.running import Running
from e2e.sweep import MAINTENANCE, NOTEBOOK, Sweep
from llmbatch_stack.demo.airflow_api import TERMINAL_STATES
from llmbatch_stack.demo.job_run import DAG_ID

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]


def test_an_orphan_ends_and_a_dry_run_lists_old_data(running: Running, sweep: Sweep):
    runs = runs_that_are_over(running)
    assert runs[sweep.run_id] == "success"
    stopped = time.monotonic() + 240
    while not sweep.jobs.status(sweep.orphan).status.is_over and time.monotonic() < stopped:
        time.sleep(0.5)  # Ray stops in its own time
    assert sweep.jobs.status(sweep.orphan).status.is_over
    assert sweep.jobs.status(NOTEBOOK).status.is_active
    layout = sweep.layout
    # The hourly run may be due while ours waits: whichever comes first stops the orphan.
    line = f"submission_id={sweep.orphan} dag_id={DAG_ID} run_id={sweep.gone} run=gone by=Ray"
    sweeps = [log_of(running, run_id, "sweep_orphans") for run_id in runs]
    assert any(line in log and "orphans=1 dry_run=False" in log for log in sweeps), sweeps
    dry_run = f"dry_{sweep.run_id}"
    running.api.trigger(MAINTENANCE, {"staged_days": 0, "dry_run": True}, dry_run)
    assert runs_that_are_over(running)[dry_run] == "success"
    listed = log_of(running, dry_run, "expire")
    assert f"action=would_remove job_id={layout.job_id} part=staged objects=1 bytes=2" in listed
    kept = [layout.staged_manifest, layout.staged_shard("shard-00000")]
    assert [info.uri for info in running.store.list(layout.staged)] == kept


def runs_that_are_over(running: Running) -> dict[str, str]:
    """Wait until no run of the maintenance goes on; return their states."""
    while True:
        listed = running.api.get(f"/api/v2/dags/{MAINTENANCE}/dagRuns?limit=100&order_by=-run_after").json()
        states = {run["dag_run_id"]: run["state"] for run in listed["dag_runs"]}
        if {*states.values()} <= TERMINAL_STATES:
            return states
        time.sleep(1)


def log_of(running: Running, run_id: str, task_id: str) -> str:
    """Return the log of the last try of a task."""
    attempt = running.api.tasks(MAINTENANCE, run_id)[task_id].attempt
    return running.api.log(MAINTENANCE, run_id, task_id, attempt)
