"""Alerts about one job. Their only label besides severity and team is ``job_id``."""

from __future__ import annotations

from llmbatch.core.monitoring_settings import TargetsConfig
from llmbatch.core.staleness import ETA_UNKNOWN_SECONDS
from monitoring.rule import Rule, Severity, number, percent

EXPORTER_FRESH_SECONDS = 60
"""Older readings make every heartbeat look old."""

_PAUSED = "max by (job_id) (llmbatch_job_paused) == 1"
_OVER = 'max by (job_id) (llmbatch_job_phase{phase=~"queued|done|drained|cancelled|failed"}) == 1'
"""Phases in which no Ray job writes heartbeats."""
_ENDED_ROWS = 'max by (job_id, state) (llmbatch_job_rows{state=~"succeeded|failed|expired|cancelled"})'


def job_rules(targets: TargetsConfig) -> tuple[Rule, ...]:
    """Return the alerts."""
    return (*_deadline_rules(), *_progress_rules(), *_replica_rules(), *_row_rules(targets))


def _deadline_rules() -> tuple[Rule, ...]:
    return (
        Rule(
            "LlmbatchJobDeadlineAtRisk",
            "max by (job_id) (llmbatch_job_miss_probability) > 0.5",
            Severity.CRITICAL,
            "A job will probably end after its deadline.",
            "Job {{ $labels.job_id }} misses its deadline with a probability of {{ $value | humanizePercentage }}. "
            "First look at its ETA and replicas (llmbatch show); then scale it up, or pause a job of lower priority.",
            hold="5m",
        ),
        Rule(
            "LlmbatchJobBurnRateHigh",
            "max by (job_id) (llmbatch_job_burn_rate) > 1.5"
            " and on (job_id) max by (job_id) (llmbatch_job_deadline_timestamp_seconds) - time() < 6 * 3600",
            Severity.CRITICAL,
            "A job needs far more time than is left until its deadline.",
            "Job {{ $labels.job_id }} needs {{ $value | humanize }} times the time that is left, and its deadline is "
            "less than 6 hours away. First scale it up if the cluster has room; then pause a job of lower priority.",
            hold="10m",
        ),
        Rule(
            "LlmbatchJobDeadlinePassed",
            "time() - max by (job_id) (llmbatch_job_deadline_timestamp_seconds) > 0",
            Severity.CRITICAL,
            "The deadline of a job has passed and the job is not over.",
            "Job {{ $labels.job_id }} is {{ $value | humanizeDuration }} late. First inform those who wait for its "
            "results; then check whether it still makes progress (llmbatch show).",
            hold="1m",
        ),
    )


def _progress_rules() -> tuple[Rule, ...]:
    return (
        Rule(
            "LlmbatchJobHeartbeatStale",
            f"time() - max by (job_id) (llmbatch_job_heartbeat_timestamp_seconds) > {number(ETA_UNKNOWN_SECONDS)}"
            " and on () time() - max(llmbatch_exporter_last_success_timestamp_seconds)"
            f" < {number(EXPORTER_FRESH_SECONDS)}"
            f" unless on (job_id) {_OVER}",
            Severity.CRITICAL,
            "The Ray job of a job has stopped writing heartbeats.",
            "The last heartbeat of job {{ $labels.job_id }} is {{ $value | humanizeDuration }} old. First check in "
            "Ray's dashboard whether its Ray job runs; then read the log of the task watch.",
            hold="1m",
        ),
        Rule(
            "LlmbatchJobStalled",
            f'max by (job_id) (llmbatch_job_eta_state{{state="stalled"}}) == 1 unless on (job_id) {_PAUSED}',
            Severity.CRITICAL,
            "A job writes heartbeats and makes no progress.",
            "Job {{ $labels.job_id }} has stalled (state {{ $value }}). First read eta_reason in its progress.json; "
            "then check that its replicas answer, and the GPU's memory and log.",
            hold="5m",
        ),
        Rule(
            "LlmbatchJobEtaUnknown",
            'max by (job_id) (llmbatch_job_eta_state{state="unknown"}) == 1'
            ' and on (job_id) max by (job_id) (llmbatch_job_phase{phase=~"work|tail"}) == 1'
            f" unless on (job_id) {_PAUSED}",
            Severity.WARNING,
            "A job works and its ETA stays unknown.",
            "Job {{ $labels.job_id }} has worked for 15 minutes without an ETA (state {{ $value }}). First check "
            "whether it has answered a row (llmbatch show); then read the log of its engines.",
            hold="15m",
        ),
        Rule(
            "LlmbatchJobModelLoadStuck",
            'max by (job_id) (llmbatch_job_phase{phase="model_load"}) == 1',
            Severity.CRITICAL,
            "The engines of a job do not come up.",
            "Job {{ $labels.job_id }} has loaded its model for 30 minutes ({{ $value }} job). First read the log of "
            "its engines for a download that hangs or memory that is missing.",
            hold="30m",
        ),
        Rule(
            "LlmbatchJobRestarting",
            "max by (job_id) (changes(llmbatch_job_generation[1h])) >= 3",
            Severity.WARNING,
            "The Ray job of a job ends and starts again and again.",
            "Job {{ $labels.job_id }} has begun {{ $value }} generations in an hour. First read why the last one "
            "ended: the exit code in the log of the task run.",
        ),
    )


def _replica_rules() -> tuple[Rule, ...]:
    return (
        Rule(
            "LlmbatchJobReplicasMissing",
            'max by (job_id) (llmbatch_job_replicas{state="wanted"})'
            ' - max by (job_id) (llmbatch_job_replicas{state="live"}) > 0'
            f" unless on (job_id) {_PAUSED}",
            Severity.WARNING,
            "A job has fewer engines than it needs.",
            "Job {{ $labels.job_id }} lacks {{ $value }} replicas. First compare its request with the free CPUs and "
            "GPUs of the cluster in Ray's dashboard.",
            hold="15m",
        ),
        Rule(
            "LlmbatchJobReplicasFlapping",
            "max by (job_id) (increase(llmbatch_job_replicas_lost[1h])) >= 3",
            Severity.WARNING,
            "The engines of a job die again and again.",
            "Job {{ $labels.job_id }} has lost {{ $value | humanize }} replicas in an hour. First look for "
            "out-of-memory kills in Ray's dashboard; then for one input row that crashes each engine.",
        ),
        Rule(
            "LlmbatchJobWorkRedone",
            "max by (job_id) (llmbatch_job_rows_redone)"
            f" / on (job_id) clamp_min(sum by (job_id) ({_ENDED_ROWS}), 1) > 0.1"
            " and on (job_id) max by (job_id) (llmbatch_job_rows_redone) > 100",
            Severity.WARNING,
            "A job answers many rows twice because engines die before a commit.",
            "Job {{ $labels.job_id }} has run {{ $value | humanizePercentage }} of its rows again. First find out why "
            "its replicas die; then lower staging.shard_rows, which is what one death costs.",
            hold="5m",
        ),
        Rule(
            "LlmbatchKvCacheThrashing",
            "max by (job_id) (llmbatch_job_kv_cache_ratio) > 0.95"
            " and on (job_id) max by (job_id) (rate(llmbatch_job_preemptions[5m])) > 0.1",
            Severity.WARNING,
            "The KV cache of a job is full and its engine puts rows back.",
            "The KV cache of job {{ $labels.job_id }} is {{ $value | humanizePercentage }} full and rows are "
            "preempted. First lower engine.max_num_seqs; then raise engine.gpu_memory_utilization.",
            hold="10m",
        ),
    )


def _row_rules(targets: TargetsConfig) -> tuple[Rule, ...]:
    return (
        Rule(
            "LlmbatchJobFailedRowsHigh",
            f"llmbatch:job_failed_rows:ratio > {number(targets.error_ratio)}"
            ' and on (job_id) max by (job_id) (llmbatch_job_rows{state="failed"}) > 20',
            Severity.WARNING,
            "Many rows of a job fail.",
            "{{ $value | humanizePercentage }} of the rows of job {{ $labels.job_id }} fail "
            f"(target: at most {percent(targets.error_ratio)}). First look at its dead letters by error class.",
            hold="2m",
        ),
        Rule(
            "LlmbatchLatencyHigh",
            f"max by (job_id) (llmbatch_job_row_latency_p95_seconds) > {number(targets.row_latency_p95_seconds)}",
            Severity.WARNING,
            "The rows of a job take long.",
            "95 % of the rows of job {{ $labels.job_id }} are answered within {{ $value | humanizeDuration }} "
            f"(target: {number(targets.row_latency_p95_seconds)} s). First check whether throughput is low too: if "
            "not, lower engine.max_num_seqs, or raise monitoring.targets.row_latency_p95_seconds.",
            hold="10m",
        ),
    )
