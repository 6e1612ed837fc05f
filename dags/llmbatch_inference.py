"""One LLM batch job: S3 -> shards -> Ray Data + vLLM -> proven results -> S3, before a deadline.

Start it from the form ("Trigger"), by REST, or by `airflow dags trigger llmbatch_inference --conf '{"input_uri": …}'`.

To run it on a **schedule**, write a DAG file with `llmbatch.orchestrator.tasks.airflow_dags.nightly_batch`, as in
`examples/scheduled_dag.py`; `docs/schedules.md` has backfills and assets too:

    nightly_batch("nightly_answers", "@daily", input_uri="s3://bucket/questions/{{ ds }}/", sla_hours=6)

Downstream DAGs can be scheduled on the asset `llmbatch_results`; the event names the job and its outputs.
* **accept** freezes the checked request in `spec.json`; **stage** makes shards of the input. A dry run ends there.
* **run** is the Ray job. Deferred, so it holds no worker; a retry or a clear attaches to the job that still runs, and
  continues with what is missing. Mark it failed to stop the job. **watch** logs its progress and raises SLA alerts.
* **publish** proves that every row ended exactly once and delivers; **report** compares it with the deadline.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task

from llmbatch.orchestrator.deployment.names import RAY_POOL, RESULTS
from llmbatch.orchestrator.tasks import inference, time_limits
from llmbatch.orchestrator.tasks.form import form_params
from llmbatch.orchestrator.tasks.job_run import JobRun
from llmbatch.orchestrator.watch.deadlines import sla_deadlines
from llmbatch.orchestrator.watch.sensor import EtaSensor

with DAG(
    dag_id="llmbatch_inference",
    dag_display_name="LLM batch inference",
    description="Runs every prompt of an input through a model, before a deadline, each exactly once.",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    max_active_runs=16,
    tags=["llmbatch", "inference"],
    params=form_params(),
    deadline=sla_deadlines(),
    default_args={
        "owner": "llmbatch",
        "retries": 3,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=5),
        "on_failure_callback": inference.note_failure,
    },
):
    job: Any = task(task_id="accept", multiple_outputs=True, execution_timeout=time_limits.ACCEPT)(inference.accept)()
    place = {"job_uri": job["job_uri"], "store_conn_id": job["store_conn_id"]}

    staged = task.short_circuit(task_id="stage", execution_timeout=time_limits.STAGE)(inference.stage)(**place)
    run = JobRun(
        task_id="run",
        pool=RAY_POOL,
        job_name=job["job_id"],
        entrypoint=job["entrypoint"],
        ray_conn_id=job["ray_conn_id"],
        poll_seconds=job["poll_seconds"],
        poll_failures_tolerated=job["poll_failures_tolerated"],
        pending_minutes=job["pending_minutes"],
        results_uri=job["output_uri"],
        done_uri=job["manifest_uri"],
        done_conn_id=job["store_conn_id"],
        runtime_env={"env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": "15"}},
        retries=5,
    )
    watch = EtaSensor(task_id="watch", run_task_id="run", poll_seconds=job["poll_seconds"], **place)
    published = task(task_id="publish", outlets=[RESULTS], execution_timeout=time_limits.PUBLISH)(inference.publish)(
        **place
    )
    reported = task(task_id="report", execution_timeout=time_limits.REPORT)(inference.report)(**place)

    staged >> [run, watch]
    run >> published >> reported
