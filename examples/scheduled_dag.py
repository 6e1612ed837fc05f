"""A nightly batch: copy this file into your DAGs folder and change the input.

The run id is derived from the scheduled run, so a repeated start finds the existing job instead of creating another.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG

with DAG(
    dag_id="nightly_answers",
    schedule="0 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["llmbatch", "example"],
    default_args={"owner": "llmbatch", "retries": 2, "retry_delay": timedelta(minutes=1)},
):
    TriggerDagRunOperator(
        task_id="start",
        trigger_dag_id="llmbatch_inference",
        trigger_run_id="nightly__{{ run_id }}",
        skip_when_already_exists=True,
        conf={"input_uri": "s3://llmbatch/inputs/nightly/", "sla_hours": 6},
    )
