"""What identifies the job of the dashboard One job."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import DashboardLink, Panel

from llmbatch.core import metrics as m
from monitoring.dashboards.board import AIRFLOW_RUN, JOB_PAGE
from monitoring.dashboards.panels import link
from monitoring.dashboards.promql import per_job
from monitoring.dashboards.tables import Column, table

AT = 'job_id="$job_id"'


def of_job(metric: m.Metric, labels: str = "") -> str:
    """Return a metric of the chosen job, by labels besides ``job_id``."""
    return per_job(metric, labels, AT)


def title_links() -> list[DashboardLink]:
    """Return the links at the top of the dashboard."""
    return [link("Page of the job", JOB_PAGE.format(job="${job_id}"))]


def facts() -> Panel:
    """Return the table of the job's names, with links to its run and its page."""
    return table(
        "Names",
        "Who runs what. Follow the run to Airflow, and the job to its page.",
        [
            Column(
                "Job",
                of_job(m.JOB_INFO, "model, owner, priority, dag_id, run_id"),
                label="job_id",
                links=[link("Page of the job", JOB_PAGE.format(job="${job_id}"))],
            ),
            Column("Model", label="model"),
            Column("Owner", label="owner"),
            Column("Priority", label="priority"),
            Column("DAG", label="dag_id"),
            Column("Run", label="run_id", links=[link("Run in Airflow", AIRFLOW_RUN)]),
            Column("Deadline", f"{of_job(m.JOB_DEADLINE)} * 1000", "dateTimeAsIso"),
            Column("Generation", of_job(m.JOB_GENERATION), "none"),
            Column("Paused", of_job(m.JOB_PAUSED), "bool_yes_no"),
        ],
        no_value="this job is over",
    )
