"""Delivers a finished job to another address. Nothing is run again, and its proof stays as it is.

Start it from the form, by `POST /jobs/{job_id}/deliver`, or by `airflow dags trigger llmbatch_delivery --conf
'{"job_id": "job-0123456789abcdef", "output_uri": "s3://bucket/answers"}'`. The files, a copy of `manifest.json` and
`latest.json` are written as if the request of the job had this `output_uri`.

The user who starts the run must be the owner of the job, or one of `admins` in config.yaml; `store.allowed_outputs`
holds as for a job. The rows are counted and compared with the proof before anything is delivered.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, task

from llmbatch.orchestrator.tasks import delivery, time_limits

with DAG(
    dag_id="llmbatch_delivery",
    dag_display_name="LLM batch delivery",
    description="Delivers a finished job to another address.",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=2,
    tags=["llmbatch", "delivery"],
    params=delivery.delivery_params(),
    default_args={
        "owner": "llmbatch",
        "retries": 3,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=5),
    },
):
    task(task_id="deliver", execution_timeout=time_limits.PUBLISH)(delivery.deliver)()
