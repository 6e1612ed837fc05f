"""``llmbatch_maintenance`` on the real stack: Airflow tells which runs are gone, Ray which jobs go on."""

import time

import pytest

from e2e.running import Running
from e2e.sweep import GONE, MAINTENANCE, NOTEBOOK, Sweep
from llmbatch_stack.job_run import DAG_ID

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]


def test_an_orphan_ends_and_old_data_goes(running: Running, sweep: Sweep):
    while not running.api.run(MAINTENANCE, sweep.run_id).is_over:
        time.sleep(1)
    tasks = running.api.tasks(MAINTENANCE, sweep.run_id)
    logs = {name: running.api.log(MAINTENANCE, sweep.run_id, name, state.attempt) for name, state in tasks.items()}
    assert {name: state.state for name, state in tasks.items()} == {
        "sweep_orphans": "success",
        "expire": "success",
    }, logs
    stopped = time.monotonic() + 240
    while not sweep.jobs.status(sweep.orphan).status.is_over and time.monotonic() < stopped:
        time.sleep(0.5)  # Ray stops in its own time
    assert sweep.jobs.status(sweep.orphan).status.is_over
    assert sweep.jobs.status(NOTEBOOK).status.is_active
    layout = sweep.layout
    assert f"submission_id={sweep.orphan} dag_id={DAG_ID} run_id={GONE} run=gone by=Ray" in logs["sweep_orphans"]
    assert "orphans=1 dry_run=False" in logs["sweep_orphans"]
    assert f"removed: job={layout.root.rsplit('/', 1)[1]} part=staged objects=1 bytes=2" in logs["expire"]
    assert [info.uri for info in running.store.list(layout.staged)] == [layout.staged_manifest]
