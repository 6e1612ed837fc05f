"""A stack that is up, and how a test follows a job on it."""

from __future__ import annotations

from dataclasses import dataclass

from llmbatch.core.manifest import JobManifest
from llmbatch.s3.store import S3Store
from llmbatch_stack.credentials import Credentials
from llmbatch_stack.demo.airflow_api import AirflowApi, DagRun
from llmbatch_stack.demo.job_run import DAG_ID, follow
from llmbatch_stack.settings import Settings


@dataclass(frozen=True)
class Running:
    """A stack that is up."""

    settings: Settings
    credentials: Credentials
    store: S3Store
    api: AirflowApi

    def finish(self, run_id: str) -> JobManifest:
        """Wait for the end of a run and return its proof.

        Raises:
            JobFailed: the run failed, with the end of the first failed task's log.
        """
        return follow(self.api, self.store, DagRun(DAG_ID, run_id, "queued"), lambda *_: None).manifest

    def files(self, manifest: JobManifest) -> dict[str, str]:
        """Return what a job delivered: the text of each file by its name."""
        return {output.uri.rsplit("/", 1)[-1]: self.store.get(output.uri).decode() for output in manifest.outputs}

    def log_of_run(self, run_id: str) -> str:
        """Return the log of the last try of the task that ran the job."""
        return self.api.log(DAG_ID, run_id, "run", self.api.tasks(DAG_ID, run_id)["run"].attempt)
