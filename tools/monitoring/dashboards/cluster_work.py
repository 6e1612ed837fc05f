"""Engines and store of the dashboard Engine and cluster."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Panel

from llmbatch.core import metrics as m
from monitoring.dashboards.colors import RESULTS
from monitoring.dashboards.panels import NO_JOB, Query, lines
from monitoring.dashboards.promql import RATE, by_model, mean, per_job, quantile

NO_REQUEST = "no request yet"
LIVE = per_job(m.JOB_REPLICAS, matchers='state="live"')


def engines() -> list[Panel]:
    """Return the panels about the engines of all running jobs."""
    return [
        lines(
            "KV cache by model",
            "KV cache in use, of the fullest engine of each model.",
            "percentunit",
            Query(by_model("max", per_job(m.JOB_KV_CACHE)), "{{model}}"),
            top=1,
            no_value="engine.statistics is off, or no running job",
        ),
        lines(
            "Dead engines",
            "Engines of running jobs that died in the present generation.",
            "short",
            Query(by_model("sum", per_job(m.JOB_REPLICAS_LOST)), "{{model}}"),
            no_value=NO_JOB,
        ),
        lines(
            "Redone rows",
            "Rows of running jobs that ran again because their engine died.",
            "short",
            Query(by_model("sum", per_job(m.JOB_ROWS_REDONE)), "{{model}}"),
            no_value=NO_JOB,
        ),
        lines(
            "Model load",
            "Time from the start of a Ray job to its first engine, mean over the jobs that finished in a day.",
            "s",
            Query(mean(m.MODEL_LOAD_SECONDS.name, "model", "1d"), "{{model}}"),
            no_value="no finished job",
        ),
        lines(
            "Output tokens by engine",
            "Tokens written a second for each live engine, by model.",
            "suffix: tok/s",
            Query(
                by_model("avg", f"({per_job(m.JOB_OUTPUT_TOKENS)} / on (job_id) ({LIVE} > 0))"),
                "{{model}}",
            ),
            no_value=NO_JOB,
        ),
    ]


def store() -> list[Panel]:
    """Return the panels about requests to the store: of tasks, gateway and Ray jobs."""
    return [
        lines(
            "Store latency of tasks",
            "Median and 95 % quantile of requests of Airflow's tasks to the store.",
            "s",
            Query(quantile(0.5, m.STORE_SECONDS, "operation"), "P50 {{operation}}"),
            Query(quantile(0.95, m.STORE_SECONDS, "operation"), "P95 {{operation}}"),
            no_value=NO_REQUEST,
        ),
        lines(
            "Store latency of the gateway",
            "95 % quantile of requests of the exporter to the store.",
            "s",
            Query(quantile(0.95, m.GATEWAY_STORE_SECONDS, "operation"), "P95 {{operation}}"),
            no_value=NO_REQUEST,
        ),
        lines(
            "Store latency of Ray jobs",
            "Mean time of requests of each running job to the store, of the five slowest.",
            "s",
            Query(f"topk(5, {per_job(m.JOB_STORE_SECONDS)})", "{{job_id}}"),
            no_value=NO_JOB,
        ),
        lines(
            "Store requests of tasks",
            "Requests a second by result. A conflict is a lost race, which is how writers are fenced; only errors are "
            "faults.",
            "reqps",
            Query(f"sum by (result) (rate({m.STORE_SECONDS.name}_count[{RATE}]))", "{{result}}"),
            colors=RESULTS,
            no_value=NO_REQUEST,
        ),
    ]
