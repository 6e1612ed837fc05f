"""The dashboard SLA and ETA quality: deadlines kept, accuracy of the ETA, alerts and their deliveries."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from llmbatch.core import metrics as m
from llmbatch.core.config import Config
from monitoring.dashboards.board import Section, Strip, board
from monitoring.dashboards.colors import DEADLINES, LEVELS
from monitoring.dashboards.hourly import HOUR, NONE, hourly
from monitoring.dashboards.panels import Query, bars, dial, lines, number
from monitoring.dashboards.promql import AT_RISK, counted, per_job

RIGHT_COVERAGE = 0.8
"""Part of jobs between a P10 and a P90 that are right."""
NO_FINISHED = "no finished job"


def sla(config: Config) -> Dashboard:
    """Return the dashboard."""
    del config
    return board(
        "sla",
        "SLA and ETA quality",
        "How many deadlines are kept, how right the ETA is, which alerts were raised and delivered.",
        [
            Section("Newest finished jobs", [Strip(5, _now())]),
            Section("Quality over time", [Strip(7, _quality())]),
            Section("Jobs", [Strip(7, _jobs())]),
            Section("Alerts", [Strip(7, _alerts())]),
        ],
        hours=24,
    )


def _now() -> list[Panel]:
    return [
        dial(
            "Deadlines met",
            "Part of the newest finished jobs that met their deadline.",
            "percentunit",
            Query(f"max({m.SLA_MET_RATIO.name})"),
            no_value=NO_FINISHED,
        ),
        dial(
            "Ends between P10 and P90",
            "Part of the newest finished jobs that ended between their P10 and P90. 80 % is right: less means that the "
            "range is too narrow.",
            "percentunit",
            Query(f"max({m.ETA_COVERAGE_RATIO.name})"),
            no_value=NO_FINISHED,
        ),
        bars(
            "ETA error by progress",
            "Median absolute error of the ETA, by percent of rows done.",
            "percentunit",
            Query(f"max by (progress) ({m.ETA_ERROR_RATIO.name})", "{{progress}} % done", instant=True),
            no_value=NO_FINISHED,
        ),
        number(
            "Jobs at risk now",
            f"Jobs that are not over and that miss their deadline with more than {AT_RISK:.0%}.",
            "none",
            Query(f"count({per_job(m.JOB_MISS_PROBABILITY)} > {AT_RISK})"),
            no_value="none",
        ),
    ]


def _quality() -> list[Panel]:
    return [
        lines(
            "Deadlines met",
            "Part of the newest finished jobs that met their deadline.",
            "percentunit",
            Query(f"max({m.SLA_MET_RATIO.name})", "met"),
            top=1,
            no_value=NO_FINISHED,
        ),
        lines(
            "ETA error by progress",
            "Median absolute error of the ETA over the newest finished jobs, by percent of rows done.",
            "percentunit",
            Query(f"max by (progress) ({m.ETA_ERROR_RATIO.name})", "{{progress}} % done"),
            no_value=NO_FINISHED,
        ),
        lines(
            "Ends between P10 and P90",
            "Part of the newest finished jobs that ended in the range of their ETA; 80 % is right.",
            "percentunit",
            Query(f"max({m.ETA_COVERAGE_RATIO.name})", "in the range"),
            Query(f"vector({RIGHT_COVERAGE})", "right"),
            top=1,
            no_value=NO_FINISHED,
        ),
    ]


def _jobs() -> list[Panel]:
    return [
        hourly(
            "Admission decisions",
            "Decisions in each hour, by verdict.",
            m.ADMISSIONS,
            "verdict",
        ),
        hourly(
            "Finished jobs",
            "Jobs with a manifest in each hour: deadline met or missed.",
            m.JOBS_FINISHED,
            "sla",
            colors=DEADLINES,
        ),
        hourly(
            "Failed runs",
            "Runs that failed in each hour, by the task that failed.",
            m.JOBS_FAILED,
            "task_id",
        ),
        lines(
            "Starts and ends in Ray",
            "Submissions of jobs to Ray, first or restart, and ends of Ray jobs by reason, in each hour.",
            "short",
            Query(counted(m.GENERATIONS, "kind", HOUR), "start: {{kind}}"),
            Query(counted(m.RAY_JOBS_ENDED, "reason", HOUR), "end: {{reason}}"),
            no_value=NONE,
        ),
    ]


def _alerts() -> list[Panel]:
    return [
        hourly(
            "SLA alerts by level",
            "SLA alerts raised in each hour; ok ends the earlier ones.",
            m.SLA_ALERTS,
            "level",
            colors=LEVELS,
        ),
        hourly(
            "Deliveries of alerts",
            "Deliveries to receivers in each hour. An alert that is given up did not reach that receiver.",
            m.ALERT_DELIVERIES,
            "sink",
            "result",
        ),
        lines(
            "Jobs by SLA level",
            "Jobs that are not over, by the level of their last alert.",
            "short",
            Query(f"sum by (level) ({per_job(m.JOB_LEVEL, 'level')})", "{{level}}"),
            colors=LEVELS,
            stacked=True,
            no_value="no job",
        ),
        lines(
            "Alerts of Prometheus that fire",
            "Alerts that fire, by name.",
            "short",
            Query('count by (alertname) (ALERTS{alertstate="firing", severity!="none"})', "{{alertname}}"),
            no_value="no alert",
        ),
    ]
