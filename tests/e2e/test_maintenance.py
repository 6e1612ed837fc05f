"""``llmbatch_maintenance`` on the real stack: Airflow tells which runs are gone, Ray which jobs go on."""

import time

import pytest

from llmbatch.core.identity import job_id_of, submission_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.orchestrator.ray_address import RayAddress
from llmbatch.orchestrator.ray_jobs import RayJobs, RaySubmission
from llmbatch_stack.job_run import BASE_URI, DAG_ID

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

MAINTENANCE = "llmbatch_maintenance"


def test_an_orphan_ends_and_old_data_goes(running):
    layout = JobLayout.of(BASE_URI, job_id_of(DAG_ID, "deleted long ago"))
    for uri in (layout.spec, layout.staged_shard("shard-00000"), layout.staged_manifest, layout.manifest):
        running.store.put(uri, b"{}")
    orphan = submission_id_of(job_id_of(DAG_ID, "deleted long ago"), 1)
    address = RayAddress(running.settings.ray_url, "ray", running.credentials.ray_token)
    with RayJobs(address) as jobs:
        origin = {"dag_id": DAG_ID, "run_id": "deleted long ago", "task_id": "run"}
        jobs.submit(RaySubmission(orphan, "sleep 600", metadata=origin))
        jobs.submit(RaySubmission("notebook", "sleep 600", metadata={**origin, "dag_id": "theirs"}))
        try:
            run = running.api.trigger(MAINTENANCE, {"staged_days": 0})
            while not running.api.run(MAINTENANCE, run.run_id).is_over:
                time.sleep(1)
            tasks = running.api.tasks(MAINTENANCE, run.run_id)
            logs = {
                name: running.api.log(MAINTENANCE, run.run_id, name, state.attempt) for name, state in tasks.items()
            }
            assert {name: state.state for name, state in tasks.items()} == {
                "sweep_orphans": "success",
                "expire": "success",
            }, logs
            stopped = time.monotonic() + 240
            while not jobs.status(orphan).status.is_over and time.monotonic() < stopped:
                time.sleep(0.5)  # Ray stops in its own time
            assert jobs.status(orphan).status.is_over
            assert jobs.status("notebook").status.is_active
        finally:
            jobs.stop(orphan)
            jobs.stop("notebook")
    assert f"submission_id={orphan} dag_id={DAG_ID} run_id=deleted long ago run=gone by=Ray" in logs["sweep_orphans"]
    assert "orphans=1 dry_run=False" in logs["sweep_orphans"]
    assert f"removed: job={layout.root.rsplit('/', 1)[1]} part=staged objects=1 bytes=2" in logs["expire"]
    assert [info.uri for info in running.store.list(layout.staged)] == [layout.staged_manifest]
