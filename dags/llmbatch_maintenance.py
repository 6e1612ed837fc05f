"""Keeps the cluster and the jobs folder clean, every hour.

* **sweep_orphans** stops Ray jobs whose DAG run was deleted or is over, so that none keeps a GPU. A job is first
  requested to stop through its control object, and keeps its finished shards. Jobs of other DAGs are never touched.
* **expire** removes what is older than the limits of `retention` in config.yaml: once a day (in the run of 03:17 UTC),
  and whenever a person starts this DAG. Delivered answers outside of the jobs folder are never removed.

Start it with `dry_run` to see in the log what it would stop and remove, with counts and bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, task

from llmbatch.orchestrator.tasks import maintenance

SCHEDULE = "17 * * * *"

with DAG(
    dag_id="llmbatch_maintenance",
    dag_display_name="LLM batch maintenance",
    description="Stops Ray jobs that no DAG run waits for, and removes old job data.",
    doc_md=__doc__,
    schedule=SCHEDULE,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["llmbatch", "maintenance"],
    params=maintenance.maintenance_params(),
    default_args={
        "owner": "llmbatch",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=5),
    },
):
    task(task_id="sweep_orphans")(maintenance.sweep_orphans)()
    task(task_id="expire")(maintenance.expire)()
