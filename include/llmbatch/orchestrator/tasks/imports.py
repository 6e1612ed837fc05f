"""What tasks import when they run, for a process whose forks run tasks: the scheduler with its LocalExecutor.

Every try of a task is a process of its own, which imports all plugins, the amazon provider and our rooms before it
does anything: two seconds of CPU time, and a job has eight such processes. A fork finds all of it imported. The price:
such tasks run the code as it was when the scheduler started, also if files change later.
"""

from __future__ import annotations

from importlib import import_module

from airflow.sdk.listener import get_listener_manager

MODULES = (
    "airflow.dag_processing.dagbag",
    "airflow.providers.amazon.aws.hooks.s3",
    "airflow.providers.standard.decorators.python",
    "airflow.providers.standard.decorators.short_circuit",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.sdk.observability.metrics.stats_utils",
    "airflow.sdk.observability.stats",
    "boto3.s3.inject",
    "llmbatch.orchestrator.admission.admit",
    "llmbatch.orchestrator.admission.dry_run",
    "llmbatch.orchestrator.admission.queue",
    "llmbatch.orchestrator.benchmark.adoption",
    "llmbatch.orchestrator.benchmark.comparison",
    "llmbatch.orchestrator.drop_folder.runs",
    "llmbatch.orchestrator.drop_folder.scan",
    "llmbatch.orchestrator.history.job_report",
    "llmbatch.orchestrator.intake.accept",
    "llmbatch.orchestrator.intake.delivery",
    "llmbatch.orchestrator.maintenance.gateway_leftovers",
    "llmbatch.orchestrator.maintenance.orphans",
    "llmbatch.orchestrator.maintenance.removal",
    "llmbatch.orchestrator.publishing.publish",
    "llmbatch.orchestrator.publishing.redeliver",
    "llmbatch.orchestrator.ray_jobs.hook",
    "llmbatch.orchestrator.ray_jobs.ray_version",
    "llmbatch.orchestrator.ray_jobs.trigger",
    "llmbatch.orchestrator.staging.batch_check",
    "llmbatch.orchestrator.staging.stage",
    "llmbatch.orchestrator.steering.service",
    "llmbatch.orchestrator.tasks.airflow_dags",
    "llmbatch.orchestrator.tasks.benchmark",
    "llmbatch.orchestrator.tasks.delivery",
    "llmbatch.orchestrator.tasks.drop_folder",
    "llmbatch.orchestrator.tasks.form",
    "llmbatch.orchestrator.tasks.inference",
    "llmbatch.orchestrator.tasks.job_run",
    "llmbatch.orchestrator.tasks.maintenance",
    "llmbatch.orchestrator.tasks.run_end",
    "llmbatch.orchestrator.tasks.settings_in_turn",
    "llmbatch.orchestrator.watch.deadline_callback",
    "llmbatch.orchestrator.watch.sensor",
    "llmbatch.orchestrator.watch.trigger",
)
"""With what these import in turn, all that DAG files and tasks import; a test compares it with their code."""


def import_ahead() -> None:
    """Import all of it. Starts no thread and opens nothing, so that forks are safe."""
    for name in MODULES:
        import_module(name)
    get_listener_manager()  # loads the plugins, those of other packages too
