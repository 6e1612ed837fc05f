"""The dashboard Overview: the six key metrics with their targets, the jobs that are not over, the queue."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from llmbatch.core import metrics as m
from llmbatch.core.config import Config
from llmbatch.core.monitoring_settings import TargetsConfig
from monitoring.dashboards.board import Section, Strip, airflow_address, board
from monitoring.dashboards.jobs_table import jobs_table
from monitoring.dashboards.panels import NO_GPU, NO_JOB, Query, Target, lines, number
from monitoring.dashboards.promql import ETA_TARGET, GPU, GPU_MEMORY_RATIO, by_model, failed_ratio, per_job
from monitoring.dashboards.tables import Column, table

_ROWS, _TOKENS = "suffix: rows/s", "suffix: tok/s"


def overview(config: Config) -> Dashboard:
    """Return the dashboard."""
    targets = config.monitoring.targets
    over_time = _over_time(targets)
    return board(
        "overview",
        "Overview",
        "The six key metrics with their targets, the jobs that are not over, the queue.",
        [
            Section("Key metrics now", [Strip(4, _now(targets))]),
            Section("Jobs that are not over", [Strip(8, [jobs_table(Target(targets.error_ratio), ETA_TARGET)])]),
            Section("Key metrics over time", [Strip(7, over_time[:3]), Strip(7, over_time[3:])]),
            Section("Queue and alerts", [Strip(8, _queue(targets), (7, 6, 4, 7))]),
        ],
        airflow_address(config),
    )


def _now(targets: TargetsConfig) -> list[Panel]:
    return [
        number(
            "Throughput",
            "Rows with an outcome a second, all running jobs together, since each job's first row. "
            f"Target: at least {targets.rows_per_second:g}.",
            _ROWS,
            Query(f"sum({per_job(m.JOB_ROWS_PER_SECOND)})"),
            target=Target(targets.rows_per_second, least=True),
            decimals=1,
            no_value=NO_JOB,
        ),
        number(
            "Output tokens",
            "Tokens that engines write a second, all running jobs together, over the last 30 s. "
            f"Target: at least {targets.output_tokens_per_second:g}.",
            _TOKENS,
            Query(f"sum({per_job(m.JOB_OUTPUT_TOKENS)})"),
            target=Target(targets.output_tokens_per_second, least=True),
            decimals=0,
            no_value=NO_JOB,
        ),
        number(
            "Latency P95",
            "95 % quantile of the time from the admission of a row to its answer, of the slowest job. "
            f"Target: at most {targets.row_latency_p95_seconds:g} s.",
            "s",
            Query(f"max({m.JOB_LATENCY_P95.name})"),
            target=Target(targets.row_latency_p95_seconds),
            no_value=NO_JOB,
        ),
        number(
            "GPU memory",
            "Part of the memory in use, of the fullest GPU. An engine reserves its part when it starts. "
            f"Target: at most {targets.gpu_memory_ratio:.0%}.",
            "percentunit",
            Query(f"max({GPU_MEMORY_RATIO})"),
            target=Target(targets.gpu_memory_ratio),
            decimals=0,
            no_value=NO_GPU,
        ),
        number(
            "Error rate",
            "Part of the rows with an answer or an error that failed, all running jobs together. "
            f"Target: at most {targets.error_ratio:.0%}.",
            "percentunit",
            Query(failed_ratio()),
            target=Target(targets.error_ratio),
            decimals=1,
            no_value=NO_JOB,
        ),
        number(
            "ETA / time left",
            "Median ETA over the time until the deadline, of the job with the largest. Above 1 that job ends too late. "
            "Target: below 1.",
            "none",
            Query(f"max({m.JOB_BURN_RATE.name})"),
            target=ETA_TARGET,
            decimals=2,
            no_value=NO_JOB,
        ),
    ]


def _over_time(targets: TargetsConfig) -> list[Panel]:
    return [
        lines(
            "Throughput by model",
            "Rows with an outcome a second of the running jobs of each model. The dashed line is the target of all.",
            _ROWS,
            Query(by_model("sum", per_job(m.JOB_ROWS_PER_SECOND)), "{{model}}"),
            target=Target(targets.rows_per_second, least=True),
            no_value=NO_JOB,
        ),
        lines(
            "Output tokens by model",
            "Tokens written a second of the running jobs of each model. The dashed line is the target of all.",
            _TOKENS,
            Query(by_model("sum", per_job(m.JOB_OUTPUT_TOKENS)), "{{model}}"),
            target=Target(targets.output_tokens_per_second, least=True),
            no_value=NO_JOB,
        ),
        lines(
            "Latency P95 by model",
            "95 % quantile of the time of a row in an engine, of the slowest running job of each model.",
            "s",
            Query(by_model("max", per_job(m.JOB_LATENCY_P95)), "{{model}}"),
            target=Target(targets.row_latency_p95_seconds),
            no_value=NO_JOB,
        ),
        lines(
            "GPU memory by GPU",
            "Part of each GPU's memory in use. If it is above the target and engines die, lower "
            "gpu_memory_utilization.",
            "percentunit",
            Query(f"max by {GPU} ({GPU_MEMORY_RATIO})", "{{instance}} GPU {{GpuIndex}}"),
            target=Target(targets.gpu_memory_ratio),
            top=1,
            no_value=NO_GPU,
        ),
        lines(
            "Error rate of running jobs",
            "Part of the rows with an answer or an error that failed, of the five jobs with most. "
            "The dashboard of the job shows why.",
            "percentunit",
            Query(f"topk(5, {failed_ratio('job_id')})", "{{job_id}}"),
            target=Target(targets.error_ratio),
            no_value=NO_JOB,
        ),
        lines(
            "ETA / time left",
            "Median ETA over the time until the deadline, of the five jobs with most. Above 1 a job ends too late; "
            "it has no value after the deadline.",
            "none",
            Query(f"topk(5, {per_job(m.JOB_BURN_RATE)} < +Inf)", "{{job_id}}"),
            target=ETA_TARGET,
            no_value=NO_JOB,
        ),
    ]


def _queue(targets: TargetsConfig) -> list[Panel]:
    return [
        lines(
            "Jobs by phase",
            "Jobs that are not over, by what they do now.",
            "short",
            Query(f"max by (phase) ({m.JOBS.name}) > 0", "{{phase}}"),
            stacked=True,
            no_value="no job",
        ),
        lines(
            "Waiting jobs",
            f"Jobs whose run waits in Airflow. More than {targets.queue_jobs} is a backlog: add replicas, or start "
            "fewer jobs.",
            "short",
            Query(f"max({m.QUEUE_JOBS.name})", "waiting"),
            target=Target(targets.queue_jobs),
        ),
        number(
            "Oldest waiting job",
            "Time since the job that waits longest was submitted.",
            "dtdurations",
            Query(f"time() - min({m.QUEUE_OLDEST.name})"),
            no_value="none waits",
        ),
        table(
            "Alerts that fire",
            "Alerts of Prometheus that fire now. The runbook has one page for each.",
            [
                Column(
                    "Alert",
                    'max by (alertname, severity, job_id) (ALERTS{alertstate="firing", severity!="none"})',
                    label="alertname",
                ),
                Column("Severity", label="severity"),
                Column("Job", label="job_id"),
            ],
            no_value="no alert",
        ),
    ]
