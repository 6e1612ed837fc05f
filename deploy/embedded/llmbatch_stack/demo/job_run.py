"""Run one job on the embedded stack and follow it to its end: for the demo, the benchmarks and the end-to-end tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from llmbatch.core.errors import ObjectMissing
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import JobManifest, read_manifest
from llmbatch.core.progress import Progress
from llmbatch.s3.store import S3Store
from llmbatch_stack.credentials import Credentials
from llmbatch_stack.demo.airflow_api import AirflowApi, DagRun, TaskState
from llmbatch_stack.settings import BUCKET, REGION, Settings

DAG_ID = INFERENCE_DAG
BASE_URI = f"s3://{BUCKET}/llmbatch"
POLL_SECONDS = 1.0
LOG_TAIL_LINES = 15

OnProgress = Callable[[str, Progress | None, float], None]


class JobFailed(RuntimeError):
    """The DAG run failed; the message holds the end of the failed task's log."""


@dataclass(frozen=True)
class FinishedRun:
    """A DAG run that succeeded, and its job. ``seconds_total`` runs from the trigger to the end of the DAG run."""

    run: DagRun
    layout: JobLayout
    manifest: JobManifest
    tasks: Mapping[str, TaskState]
    seconds_total: float


def open_store(settings: Settings, credentials: Credentials) -> S3Store:
    """Return the stack's object store."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=settings.s3_url,
        region_name=REGION,
        aws_access_key_id=credentials.s3_access_key,
        aws_secret_access_key=credentials.s3_secret_key,
    )
    return S3Store(client)


def open_airflow(settings: Settings, credentials: Credentials) -> AirflowApi:
    """Return Airflow's API as the stack's admin."""
    return AirflowApi(settings.airflow_url, credentials.airflow_user, credentials.airflow_password)


def layout_of(run: DagRun) -> JobLayout:
    """Return the addresses of the job that a DAG run works on."""
    return JobLayout.of(BASE_URI, job_id_of(run.dag_id, run.run_id))


def follow(
    api: AirflowApi, store: S3Store, run: DagRun, on_progress: OnProgress, *, poll_seconds: float = POLL_SECONDS
) -> FinishedRun:
    """Wait until the run is over, calling ``on_progress`` with phase, heartbeat and seconds since now at every poll.

    Raises:
        JobFailed: the run failed, with the end of the first failed task's log.
    """
    layout = layout_of(run)
    started = time.monotonic()
    while True:
        current = api.run(run.dag_id, run.run_id)
        tasks = api.tasks(run.dag_id, run.run_id)
        progress = _progress(store, layout)
        on_progress(_phase(tasks, progress), progress, time.monotonic() - started)
        if current.is_over:
            break
        time.sleep(poll_seconds)
    seconds = time.monotonic() - started
    if current.state != "success":
        raise JobFailed(_why(api, current, tasks))
    manifest = read_manifest(layout, store)
    return FinishedRun(current, layout, manifest, tasks, seconds)


def _progress(store: S3Store, layout: JobLayout) -> Progress | None:
    try:
        return Progress.model_validate_json(store.get(layout.progress))
    except ObjectMissing:
        return None


def _phase(tasks: Mapping[str, TaskState], progress: Progress | None) -> str:
    """Name what is going on: the running task, and inside ``run`` the Ray job's own phase."""
    for name in ("report", "publish", "stage", "accept"):
        if name in tasks and tasks[name].state in {"running", "success"}:
            running = tasks[name].state == "running"
            if name != "stage" or running:
                return name
            break
    if progress is not None:
        return progress.phase.value
    run = tasks.get("run")
    return "cluster" if run and run.state in {"running", "deferred"} else "queued"


def _why(api: AirflowApi, run: DagRun, tasks: Mapping[str, TaskState]) -> str:
    failed = [task for task in tasks.values() if task.state == "failed"]
    if not failed:
        return f"DAG run {run.run_id} ended as {run.state}; no task failed, so see the DAG run in Airflow"
    first = failed[0]
    tail = "\n".join(api.log(run.dag_id, run.run_id, first.task_id, first.attempt).splitlines()[-LOG_TAIL_LINES:])
    return f"task {first.task_id} of DAG run {run.run_id} failed. The end of its log:\n{tail}"
