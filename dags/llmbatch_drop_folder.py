"""Starts a job for every object that is put into an inbox (`drop.inbox` in config.yaml), each exactly once.

* The triggerer looks at the inboxes every few seconds, and updates the asset `llmbatch_inboxes` when one has changed.
* **scan** lists the inboxes itself, starts a run of `llmbatch_inference` for each new input, and moves the inputs of
  runs that are over: to `done/<date>/<job_id>/` with a link to the manifest, or to `failed/<date>/<job_id>/` with the
  reason. It does nothing if no inbox is configured.

Every half hour it runs without an event, too. Options of an input, folders and several inboxes: docs/drop-folder.md.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, task

from llmbatch.orchestrator.tasks import drop_folder, time_limits

SCHEDULE = "*/30 * * * *"

with DAG(
    dag_id="llmbatch_drop_folder",
    dag_display_name="LLM batch drop folder",
    description="Starts a job for every input that is put into an inbox.",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable(SCHEDULE, timezone="UTC"), assets=drop_folder.INBOXES),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["llmbatch", "drop folder"],
    default_args={
        "owner": "llmbatch",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=5),
    },
):
    task(task_id="scan", execution_timeout=time_limits.SCAN)(drop_folder.scan)()
