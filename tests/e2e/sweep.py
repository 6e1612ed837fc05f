"""A run of ``llmbatch_maintenance`` that meets an orphan and a Ray job of others.

An orphan is stopped only if it is still one after a minute, so a run is started early and looked at later.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from e2e.running import Running
from llmbatch.core.identity import job_id_of, submission_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.orchestrator.ray_jobs.address import RayAddress
from llmbatch.orchestrator.ray_jobs.client import RayJobs
from llmbatch.orchestrator.ray_jobs.submission import RaySubmission
from llmbatch_stack.demo.job_run import BASE_URI, DAG_ID

MAINTENANCE = "llmbatch_maintenance"
NOTEBOOK = "notebook"
"""The Ray job of others."""


@dataclass(frozen=True)
class Sweep:
    """The run, and the Ray jobs that it meets."""

    run_id: str
    jobs: RayJobs
    gone: str
    """The DAG run of the orphan."""

    @property
    def layout(self) -> JobLayout:
        """Addresses of the orphan's job, which is finished."""
        return JobLayout.of(BASE_URI, job_id_of(DAG_ID, self.gone))

    @property
    def orphan(self) -> str:
        """Submission of the orphan."""
        return submission_id_of(job_id_of(DAG_ID, self.gone), 1)


@contextmanager
def start_sweep(running: Running) -> Iterator[Sweep]:
    """Start all of it; at the end the Ray jobs are stopped."""
    with RayJobs(RayAddress(running.settings.ray_url, "ray", running.credentials.ray_token)) as jobs:
        name = uuid.uuid4().hex
        sweep = Sweep(f"sweep__{name}", jobs, f"deleted long ago {name}")
        layout = sweep.layout
        for uri in (layout.spec, layout.staged_shard("shard-00000"), layout.staged_manifest):
            running.store.put(uri, b"{}")
        running.store.put(layout.manifest, json.dumps({"job_id": layout.job_id}).encode())
        origin = {"dag_id": DAG_ID, "run_id": sweep.gone, "task_id": "run"}
        jobs.submit(RaySubmission(sweep.orphan, "sleep 3600", metadata=origin))
        jobs.submit(RaySubmission(NOTEBOOK, "sleep 3600", metadata={**origin, "dag_id": "theirs"}))
        try:
            running.api.trigger(MAINTENANCE, {}, sweep.run_id)
            yield sweep
        finally:
            jobs.stop(sweep.orphan)
            jobs.stop(NOTEBOOK)
