"""Answers the questions of the day before, each night at 02:00. Copy it into your DAGs folder and change the input."""

from llmbatch.orchestrator.tasks.airflow_dags import nightly_batch

nightly_batch(
    "nightly_answers",
    schedule="0 2 * * *",
    input_uri="s3://llmbatch/inputs/nightly/{{ macros.ds_add(ds, -1) }}/",
    sla_hours=6,
)
