"""Engines, driver and store of the dashboard One job."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Panel

from llmbatch.core import metrics as m
from llmbatch.core.monitoring_settings import TargetsConfig
from monitoring.dashboards.colors import RESULTS
from monitoring.dashboards.job_facts import AT, of_job
from monitoring.dashboards.panels import Query, Target, lines
from monitoring.dashboards.promql import per_job

NO_STATISTICS = "engine.statistics is off"
NO_PRICE = "no price in config.yaml: cost.usd_per_gpu_hour"


def engines(targets: TargetsConfig) -> list[list[Panel]]:
    """Return the panels about engines, in two strips."""
    return [
        [
            lines(
                "Output tokens",
                "Tokens that the engines of the job write a second, over the last 30 s.",
                "suffix: tok/s",
                Query(of_job(m.JOB_OUTPUT_TOKENS), "output tokens"),
                no_value="no row in an engine",
            ),
            lines(
                "Rows a second",
                "Rows with an outcome a second, since the first row entered an engine.",
                "suffix: rows/s",
                Query(of_job(m.JOB_ROWS_PER_SECOND), "rows"),
                no_value="no row has an outcome",
            ),
            lines(
                "Row latency",
                "Time from the admission of a row to its answer. It rises with the rows that an engine decodes "
                "together.",
                "s",
                Query(of_job(m.JOB_LATENCY_P50), "P50"),
                Query(of_job(m.JOB_LATENCY_P95), "P95"),
                target=Target(targets.row_latency_p95_seconds),
                no_value="no row has an answer",
            ),
            lines(
                "Engines",
                "Engines that answer, and that are wanted; and those that died in this generation.",
                "short",
                Query(of_job(m.JOB_REPLICAS, "state"), "{{state}}"),
                Query(of_job(m.JOB_REPLICAS_LOST), "lost"),
            ),
        ],
        [
            lines(
                "Tokens of answered rows",
                "Tokens read, written, and found in the prefix cache.",
                "short",
                Query(of_job(m.JOB_TOKENS, "kind"), "{{kind}}"),
            ),
            lines(
                "KV cache",
                "KV cache in use, of the fullest engine. A full cache without preemptions is normal.",
                "percentunit",
                Query(of_job(m.JOB_KV_CACHE), "KV cache"),
                top=1,
                no_value=NO_STATISTICS,
            ),
            lines(
                "Preemptions",
                "Rows that engines put back for lack of KV cache, in this generation. If they rise all the time, lower "
                "max_num_seqs or max_model_len.",
                "short",
                Query(of_job(m.JOB_PREEMPTIONS), "preemptions"),
                no_value=NO_STATISTICS,
            ),
            lines(
                "Prefix cache",
                "Part of the prompt tokens that engines found in the prefix cache, in this generation.",
                "percentunit",
                Query(f"{_tokens('hit')} / ({_tokens('queried')} > 0)", "found"),
                top=1,
                no_value=NO_STATISTICS,
            ),
        ],
    ]


def _tokens(result: str) -> str:
    return per_job(m.JOB_PREFIX_CACHE, matchers=f'{AT}, result="{result}"')


def store() -> list[Panel]:
    """Return the panels about the driver, the store and the cost."""
    return [
        lines(
            "Heartbeat age",
            "Time since the last heartbeat. Half a minute is normal; it rises while the driver or the store does not "
            "answer.",
            "s",
            Query(f"time() - {of_job(m.JOB_HEARTBEAT)}", "age"),
        ),
        lines(
            "Shards",
            "Shards staged and committed; a committed shard is never computed again.",
            "short",
            Query(of_job(m.JOB_SHARDS, "state"), "{{state}}"),
        ),
        lines(
            "Store requests",
            "Requests of the Ray job to the store in this generation, by result. Errors are those that failed after "
            "all retries.",
            "short",
            Query(of_job(m.JOB_STORE_REQUESTS, "result"), "{{result}}"),
            colors=RESULTS,
        ),
        lines(
            "Store latency",
            "Mean time of the Ray job's requests to the store.",
            "s",
            Query(of_job(m.JOB_STORE_SECONDS), "mean"),
        ),
        lines(
            "Cost so far",
            "Time of the replicas times the price.",
            "currencyUSD",
            Query(of_job(m.JOB_COST), "cost"),
            no_value=NO_PRICE,
        ),
    ]
