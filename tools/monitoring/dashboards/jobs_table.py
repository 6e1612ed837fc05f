"""The table of jobs that are not over."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Panel

from llmbatch.core import metrics as m
from llmbatch.core.monitoring_settings import JOB_BOARD
from monitoring.dashboards.board import AIRFLOW_RUN, JOB_PAGE
from monitoring.dashboards.colors import LEVELS
from monitoring.dashboards.panels import Target, link
from monitoring.dashboards.promql import AT_RISK, TIME_LEFT, failed_ratio, per_job
from monitoring.dashboards.tables import Column, table

_SECONDS = "dtdurations"


def jobs_table(error_target: Target, eta_target: Target) -> Panel:
    """Return the table: who runs what, how far it is, and whether it ends in time."""
    return table(
        "Jobs",
        "Jobs that are not over; the one that is nearest to a miss of its deadline is first. "
        "Follow the name of a job to its own dashboard, its page, and its run.",
        [
            Column(
                "Job",
                per_job(m.JOB_INFO, "model, owner, priority, dag_id, run_id"),
                label="job_id",
                links=[
                    link("Dashboard of the job", f"{JOB_BOARD}?var-job_id=${{__value.text}}&${{__url_time_range}}"),
                    link("Page of the job", JOB_PAGE.format(job="${__value.text}")),
                    link("Run in Airflow", AIRFLOW_RUN),
                ],
            ),
            Column("Model", label="model"),
            Column("Owner", label="owner"),
            Column("Priority", label="priority"),
            Column("Phase", _holds(m.JOB_PHASE, "phase"), label="phase"),
            Column("Level", _holds(m.JOB_LEVEL, "level"), label="level", colors=LEVELS),
            Column("Done", per_job(m.JOB_WORK_RATIO), "percentunit"),
            Column("ETA P50", per_job(m.JOB_ETA_P50), _SECONDS),
            Column("ETA P90", per_job(m.JOB_ETA_P90), _SECONDS),
            Column("Time left", TIME_LEFT, _SECONDS),
            Column("ETA / time left", per_job(m.JOB_BURN_RATE), "none", target=eta_target),
            Column("P(miss)", per_job(m.JOB_MISS_PROBABILITY), "percentunit", target=Target(AT_RISK)),
            Column("Tokens/s", per_job(m.JOB_OUTPUT_TOKENS), "short"),
            Column("Failed rows", failed_ratio("job_id"), "percentunit", target=error_target),
            Column("DAG", label="dag_id"),
            Column("Run", label="run_id"),
        ],
        sort="ETA / time left",
        no_value="no job",
    )


def _holds(metric: m.Metric, label: str) -> str:
    return f"{per_job(metric, label)} == 1"
