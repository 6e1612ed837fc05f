"""The catalogue of metrics: all that llmbatch exports, under which name, from where.

Base units, ``_total`` on counters only, times as timestamps rather than ages. Only gauges of jobs that are not over
hold a job id; they end with the job. Rows and tokens of a running job are gauges, because they fall when a replica
dies with rows that are not committed; those of finished jobs are counters.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Types of Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Source(StrEnum):
    """Where a metric comes from."""

    STATE = "state"
    """``GET /metrics`` of the gateway, computed from the store and Airflow when it is read."""
    EXPORTER = "exporter"
    """``GET /metrics`` too, about the process that serves it."""
    EVENT = "event"
    """StatsD, from tasks, operator and sensor, through Airflow's client; the StatsD exporter counts it."""


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: as Prometheus stores it, without ``_bucket``, ``_sum`` and ``_count``.
        help: one sentence, for people who read a graph.
        labels: names of labels, in the order in which values are passed.
        buckets: upper bounds of a histogram, in the unit of its name.
    """

    name: str
    kind: Kind
    source: Source
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def statsd_name(self) -> str:
        """Name of an event for Airflow's client, which adds its prefix: ``llmbatch.admissions``."""
        return "llmbatch." + self.name.removeprefix("llmbatch_").removesuffix("_total").removesuffix("_seconds")


_JOB = ("job_id",)
_STORE_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LOAD_SECONDS = (5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600)


def _state(name: str, help: str, *labels: str) -> Metric:
    return Metric(name, Kind.GAUGE, Source.STATE, help, labels)


def _job(name: str, help: str, *labels: str) -> Metric:
    return Metric(f"llmbatch_job_{name}", Kind.GAUGE, Source.STATE, help, (*_JOB, *labels))


def _event(name: str, help: str, *labels: str) -> Metric:
    return Metric(name, Kind.COUNTER, Source.EVENT, help, labels)


# The service as a whole.
JOBS = _state("llmbatch_jobs", "Jobs that are not over, by phase; every phase has a series.", "phase")
QUEUE_JOBS = _state("llmbatch_queue_jobs", "Jobs whose run waits in Airflow.")
QUEUE_OLDEST = _state(
    "llmbatch_queue_oldest_timestamp_seconds", "When the oldest waiting job was submitted, Unix time; absent if none."
)
QUEUE_REPLICA_SECONDS = _state(
    "llmbatch_queue_replica_seconds",
    "Expected work of admitted jobs that are not over: P50 times replicas, in seconds.",
)
ADMITTING = _state("llmbatch_admitting", "1 while jobs are admitted, 0 while the service is shut down.")
SLA_MET_RATIO = _state("llmbatch_sla_met_ratio", "Part of the newest finished jobs that met their deadline, 0 to 1.")
ETA_ERROR_RATIO = _state(
    "llmbatch_eta_error_ratio",
    "Median absolute error of the ETA over the newest finished jobs, by percent of rows done; 0.1 is 10 %.",
    "progress",
)
ETA_COVERAGE_RATIO = _state(
    "llmbatch_eta_coverage_ratio", "Part of the newest finished jobs that ended between P10 and P90; 0.8 is right."
)

CLUSTER_INFO = _state(
    "llmbatch_cluster_info",
    "1; versions of the Ray side of the jobs that run, by their heartbeats: two series while it is upgraded.",
    *"llmbatch ray vllm python".split(),
)

# One running job. Every series ends with its job.
JOB_INFO = _job(
    "info", "1; names of a job, to join onto its other series.", *"dag_id run_id model priority owner".split()
)
JOB_PHASE = _job("phase", "1 for the phase that holds.", "phase")
JOB_ROWS = _job(
    "rows", "Rows by state: succeeded, failed, expired, cancelled, running, waiting; their sum is the input.", "state"
)
JOB_WORK_RATIO = _job("work_ratio", "Part of the work done, 0 to 1; longer rows weigh more.")
JOB_ROWS_PER_SECOND = _job(
    "rows_per_second",
    "Rows with an outcome a second, since the first row entered an engine; absent without a heartbeat for 2 min.",
)
JOB_OUTPUT_TOKENS = _job(
    "output_tokens_per_second",
    "Tokens written a second over the last 30 s, rows without an answer included; absent like rows_per_second.",
)
JOB_TOKENS = _job(
    "tokens", "Tokens of answered rows: prompt, completion, and cached, those found in the prefix cache.", "kind"
)
JOB_LATENCY_P50 = _job("row_latency_p50_seconds", "Median time from the admission of a row to its answer.")
JOB_LATENCY_P95 = _job(
    "row_latency_p95_seconds", "95 % quantile of the time from the admission of a row to its answer."
)
JOB_ETA_P10 = _job("eta_p10_seconds", "Seconds until the last commit, 10 % quantile; absent while it is unknown.")
JOB_ETA_P50 = _job("eta_p50_seconds", "Seconds until the last commit, median; absent while it is unknown.")
JOB_ETA_P90 = _job("eta_p90_seconds", "Seconds until the last commit, 90 % quantile; absent while it is unknown.")
JOB_ETA_STATE = _job("eta_state", "1 for the state of the ETA that holds.", "state")
JOB_DEADLINE = _job("deadline_timestamp_seconds", "Deadline, Unix time.")
JOB_MISS_PROBABILITY = _job(
    "miss_probability", "Probability that the job ends after its deadline; absent while unknown."
)
JOB_BURN_RATE = _job(
    "burn_rate", "Required over actual rate: P50 over the time that is left; above 1 is late. +Inf after the deadline."
)
JOB_LEVEL = _job("level", "1 for the SLA level of the last alert that holds: ok, yellow, red, critical.", "level")
JOB_HEARTBEAT = _job("heartbeat_timestamp_seconds", "When the last heartbeat was written, Unix time.")
JOB_REPLICAS = _job("replicas", "Engines: live and wanted; absent like rows_per_second.", "state")
JOB_REPLICAS_LOST = _job("replicas_lost", "Engines that died in this generation.")
JOB_ROWS_REDONE = _job("rows_redone", "Rows that ran again because a replica died before their commit.")
JOB_DEAD_LETTERS = _job("dead_letter_rows", "Failed rows by error class, committed or not yet.", "error_class")
JOB_GENERATION = _job("generation", "Number of the generation that runs; each restart begins one.")
JOB_PAUSED = _job("paused", "1 while the job is paused on request.")
JOB_SHARDS = _job("shards", "Shards staged and committed.", "state")
JOB_KV_CACHE = _job("kv_cache_ratio", "KV cache in use of the fullest engine, 0 to 1; needs engine.statistics.")
JOB_PREEMPTIONS = _job("preemptions", "Rows that engines put back for lack of KV cache; needs engine.statistics.")
JOB_PREFIX_CACHE = _job(
    "prefix_cache_tokens",
    "Prompt tokens that engines looked up in the prefix cache (queried), and found (hit); needs engine.statistics.",
    "result",
)
JOB_STORE_REQUESTS = _job("store_requests", "Requests of the Ray job to the store: ok, error.", "result")
JOB_STORE_SECONDS = _job("store_request_seconds", "Mean time of the Ray job's requests to the store.")
JOB_COST = _job("cost_usd", "Cost so far: time of the replicas times the price of config.yaml; absent without a price.")

# The exporter itself.
EXPORTER_LAST_SUCCESS = Metric(
    "llmbatch_exporter_last_success_timestamp_seconds", Kind.GAUGE, Source.EXPORTER,
    "When the exported state was last read completely, Unix time.",
)  # fmt: skip
EXPORTER_DURATION = Metric(
    "llmbatch_exporter_collect_duration_seconds", Kind.GAUGE, Source.EXPORTER, "Time that the last reading took."
)
EXPORTER_ERRORS = Metric(
    "llmbatch_exporter_errors_total",
    Kind.COUNTER,
    Source.EXPORTER,
    "Readings that failed, by reason: airflow, store, report, internal.",
    ("reason",),
)
EXPORTER_SKEW = Metric(
    "llmbatch_exporter_clock_skew_seconds", Kind.GAUGE, Source.EXPORTER,
    "Clock of this machine minus the clock of the store.",
)  # fmt: skip
BUILD_INFO = Metric(
    "llmbatch_build_info",
    Kind.GAUGE,
    Source.EXPORTER,
    "1; the versions of the process that serves the metrics.",
    ("llmbatch", "airflow", "python"),
)
GATEWAY_STORE_SECONDS = Metric(
    "llmbatch_gateway_store_request_duration_seconds", Kind.HISTOGRAM, Source.EXPORTER,
    "Requests of the exporter to the store, by operation and result: ok, error.", ("operation", "result"),
    _STORE_SECONDS,
)  # fmt: skip

# Events of tasks, operator and sensor.
ADMISSIONS = _event(
    "llmbatch_admissions_total",
    "Admission decisions: accepted, at_risk, infeasible (accepted nevertheless), rejected.",
    "verdict",
)
SLA_ALERTS = _event("llmbatch_sla_alerts_total", "SLA alerts raised, by level; ok ends the earlier ones.", "level")
ALERT_DELIVERIES = _event(
    "llmbatch_alert_deliveries_total", "Deliveries of alerts to receivers: ok, retried, given_up.", "sink", "result"
)
JOBS_FINISHED = _event("llmbatch_jobs_finished_total", "Jobs with a manifest; sla: met or missed.", "model", "sla")
JOBS_FAILED = _event("llmbatch_jobs_failed_total", "Runs of jobs that failed, by the task that failed.", "task_id")
ROWS = _event("llmbatch_rows_total", "Rows of finished jobs by outcome.", "model", "outcome")
TOKENS = _event("llmbatch_tokens_total", "Tokens of finished jobs: prompt, completion, cached.", "model", "kind")
DEAD_LETTERS = _event(
    "llmbatch_dead_letter_rows_total", "Failed rows of finished jobs, by error class.", "model", "error_class"
)
GENERATIONS = _event("llmbatch_generations_started_total", "Submissions of jobs to Ray: first or restart.", "kind")
RAY_JOBS_ENDED = _event(
    "llmbatch_ray_jobs_ended_total",
    "Ray jobs that ended: exit reason of the driver, else Ray's status, timeout or pending.",
    "reason",
)
COST = _event("llmbatch_cost_usd_total", "Cost of finished jobs, where a price is configured.", "model")
REPLICA_SECONDS = _event("llmbatch_replica_seconds_total", "Time of replicas of finished jobs.", "model", "accelerator")
DROP_SCANS = _event("llmbatch_drop_scans_total", "Scans of inboxes of the drop folder: ok, failed.", "result")
DROP_INPUTS = _event(
    "llmbatch_drop_inputs_total", "Inputs of the drop folder: started, then done, failed or refused.", "result"
)
ORPHANS = _event("llmbatch_orphans_stopped_total", "Ray jobs without a run that maintenance stopped.")
BACKUPS = _event(
    "llmbatch_backups_total",
    "Complete backups of all jobs: ok; runs of llmbatch.cli.backup that failed: failed.",
    "result",
)
STORE_SECONDS = Metric(
    "llmbatch_store_request_duration_seconds", Kind.HISTOGRAM, Source.EVENT,
    "Requests of tasks to the store, by operation and result: ok, conflict, error.", ("operation", "result"),
    _STORE_SECONDS,
)  # fmt: skip
MODEL_LOAD_SECONDS = Metric(
    "llmbatch_model_load_seconds", Kind.HISTOGRAM, Source.EVENT,
    "Time from the start of a Ray job to its first engine, of finished jobs.", ("model",), _LOAD_SECONDS,
)  # fmt: skip

CATALOGUE: tuple[Metric, ...] = tuple(value for value in dict(globals()).values() if isinstance(value, Metric))
"""Every metric, in the order above."""
