"""Alerts about throughput, GPUs, the queue, and rows and jobs that fail, over all jobs."""

from __future__ import annotations

from llmbatch.core.monitoring_settings import TargetsConfig
from monitoring.rule import Rule, Severity, counted, number, percent

_FAILED_JOBS = counted("llmbatch_jobs_failed_total", "1h")
_FINISHED_JOBS = counted("llmbatch_jobs_finished_total", "1h")
_ENGINE_DEAD_LETTERS = counted('llmbatch_dead_letter_rows_total{error_class=~"engine|timeout|poison"}', "15m")
_ORPHANS = counted("llmbatch_orphans_stopped_total", "6h")


def service_rules(targets: TargetsConfig) -> tuple[Rule, ...]:
    """Return the alerts."""
    return (*_speed_rules(targets), *_gpu_rules(targets), *_queue_rules(targets), *_failure_rules())


def _speed_rules(targets: TargetsConfig) -> tuple[Rule, ...]:
    return (
        Rule(
            "LlmbatchThroughputLow",
            f"llmbatch:rows:rate < {number(targets.rows_per_second)}",
            Severity.WARNING,
            "All working jobs together answer few rows.",
            "{{ $value | humanize }} rows a second are answered by all working jobs "
            f"(target: at least {number(targets.rows_per_second)}). First check that no replica is missing and that "
            "GPUs are busy.",
            hold="10m",
        ),
        Rule(
            "LlmbatchTokensLow",
            f"llmbatch:output_tokens:rate < {number(targets.output_tokens_per_second)}",
            Severity.WARNING,
            "All working jobs together write few tokens.",
            "{{ $value | humanize }} tokens a second are written by all working jobs "
            f"(target: at least {number(targets.output_tokens_per_second)}). First check that no replica is missing "
            "and that GPUs are busy.",
            hold="10m",
        ),
        Rule(
            "LlmbatchThroughputDropped",
            "llmbatch:output_tokens_per_replica:rate_by_model"
            " < 0.5 * avg_over_time(llmbatch:output_tokens_per_replica:rate_by_model[1h] offset 10m)",
            Severity.WARNING,
            "Engines write less than half of what they wrote in the last hour.",
            "An engine of {{ $labels.model }} writes {{ $value | humanize }} tokens a second, less than half of the "
            "mean of the last hour. First check the temperature, the power and other users of the GPUs.",
            hold="10m",
        ),
    )


def _gpu_rules(targets: TargetsConfig) -> tuple[Rule, ...]:
    return (
        Rule(
            "LlmbatchGpuMemoryHigh",
            f"llmbatch:gpu_memory_used:ratio > {number(targets.gpu_memory_ratio)}",
            Severity.CRITICAL,
            "The memory of a GPU is nearly full.",
            "GPU {{ $labels.GpuIndex }} of {{ $labels.instance }} uses {{ $value | humanizePercentage }} of its memory "
            f"(target: at most {percent(targets.gpu_memory_ratio)}). First look for another process on it; then lower "
            "engine.gpu_memory_utilization, which an engine reserves when it starts.",
            hold="10m",
        ),
        Rule(
            "LlmbatchGpuIdle",
            "avg(ray_node_gpus_utilization) < 5 and on () count(llmbatch:job_working:bool)",
            Severity.WARNING,
            "GPUs are idle and a job works.",
            "The GPUs are used by {{ $value | humanize }} % and a job works. First check that its engines have rows: "
            "a slow store or staging keeps them waiting.",
            hold="15m",
        ),
    )


def _queue_rules(targets: TargetsConfig) -> tuple[Rule, ...]:
    return (
        Rule(
            "LlmbatchQueueBacklog",
            f"max(llmbatch_queue_jobs) > {targets.queue_jobs}",
            Severity.WARNING,
            "Many jobs wait.",
            "{{ $value }} jobs wait "
            f"(target: at most {targets.queue_jobs}). First check that running jobs make progress; then add "
            "replicas, or start fewer jobs.",
            hold="5m",
        ),
        Rule(
            "LlmbatchQueueStuck",
            "time() - min(llmbatch_queue_oldest_timestamp_seconds) > 15 * 60"
            ' and on () sum(llmbatch_jobs{phase=~"cluster|model_load|work|tail"}) == 0'
            " and on () max(llmbatch_admitting) == 1",
            Severity.CRITICAL,
            "Jobs wait and none runs.",
            "The oldest job has waited for {{ $value | humanizeDuration }} and no job runs. First check that Airflow's "
            "scheduler runs, and that the DAG llmbatch_inference is not paused and its pool has slots.",
            hold="5m",
        ),
    )


def _failure_rules() -> tuple[Rule, ...]:
    return (
        Rule(
            "LlmbatchJobsFailing",
            f"sum({_FAILED_JOBS}) >= 3 > (sum({_FINISHED_JOBS}) or vector(0))",
            Severity.CRITICAL,
            "More jobs fail than finish.",
            "{{ $value | humanize }} jobs have failed in an hour, more than have finished. First read the log of the "
            "task that failed in the newest run; one cause for all is likely: store, cluster or model.",
        ),
        Rule(
            "LlmbatchDeadLettersEngine",
            f"sum by (model, error_class) ({_ENGINE_DEAD_LETTERS}) > 50",
            Severity.WARNING,
            "Rows fail because of the engine and not of their content.",
            "{{ $value | humanize }} rows of {{ $labels.model }} have failed with {{ $labels.error_class }} in 15 "
            "minutes. First read the messages of the dead letters; then run them again with retry_failed_of.",
        ),
        Rule(
            "LlmbatchOrphanJobs",
            f"sum({_ORPHANS}) > 0",
            Severity.WARNING,
            "Ray jobs ran without a run of Airflow.",
            "Maintenance has stopped {{ $value | humanize }} Ray jobs that no run owned. First look for runs that "
            "were deleted, or a worker of Airflow that died, at the time of their start.",
        ),
    )
