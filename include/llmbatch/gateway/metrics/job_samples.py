"""Metrics of one job that is not over."""

from __future__ import annotations

import math
from datetime import datetime

from llmbatch.core import metrics as names
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.priority import priority_of
from llmbatch.core.progress import Progress
from llmbatch.core.sla_status import JobStatus, status_of
from llmbatch.core.staleness import ETA_UNKNOWN_SECONDS
from llmbatch.core.states import ErrorClass, Phase
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.sla_status import SeenJob
from llmbatch.gateway.metrics.reading import Details
from llmbatch.gateway.metrics.samples import Samples


def phase_of(job: SeenJob) -> Phase:
    """Return the phase of a job; before its first heartbeat it is queued."""
    return Phase.QUEUED if job.progress is None else job.progress.phase


def add_job(samples: Samples, job: SeenJob, details: Details | None, now: datetime) -> None:
    """Add the metrics of a job. One that waits in Airflow or is not accepted yet has names, phase and deadline only.

    Args:
        samples: what is added to.
        job: the job; its heartbeat is dated by the clock of ``now``.
        details: its level and cost; None of a job that is not accepted.
        now: the time of the reading.
    """
    job_id = job.found.job_id
    samples.add(names.JOB_INFO, 1, job_id, *_names(job.found))
    samples.add(names.JOB_PHASE, 1, job_id, phase_of(job).value)
    samples.add(names.JOB_DEADLINE, job.found.deadline.timestamp(), job_id)
    if details is not None:
        samples.add(names.JOB_LEVEL, 1, job_id, details.level.value)
        samples.add(names.JOB_COST, details.usd, job_id)
    if job.found.spec is not None:
        _add_prediction(samples, job.found.spec, job.progress, now)
    if job.progress is not None:
        _add_work(samples, job_id, job.progress)
        _add_use(samples, job_id, job.progress)
        if not job.progress.phase.is_terminal and job.progress.age(now) <= ETA_UNKNOWN_SECONDS:
            _add_rates(samples, job_id, job.progress)


def _names(found: FoundJob) -> tuple[str, ...]:
    """Return dag id, run id, model, priority and owner."""
    spec, sent = found.spec, found.run.conf or {}
    model = spec.model_name if spec is not None else sent.get("model")
    priority = spec.request.priority if spec is not None else priority_of(sent)
    name = model if isinstance(model, str) else ""  # what is not accepted yet may be anything
    return found.run.dag_id, found.run.dag_run_id, name, str(priority), found.owner


def _add_prediction(samples: Samples, spec: JobSpec, progress: Progress | None, now: datetime) -> None:
    status, left = status_of(spec, progress, None, now), spec.seconds_left(now)
    p10, p50, p90 = (
        None if hours is None else hours * 3600
        for hours in (status.eta_p10_hours, status.eta_hours, status.eta_p90_hours)
    )
    samples.add(names.JOB_ETA_P10, p10, spec.job_id)
    samples.add(names.JOB_ETA_P50, p50, spec.job_id)
    samples.add(names.JOB_ETA_P90, p90, spec.job_id)
    samples.add(names.JOB_MISS_PROBABILITY, _chance(status), spec.job_id)
    burn = math.inf if left <= 0 else None if p50 is None else p50 / left
    samples.add(names.JOB_BURN_RATE, burn, spec.job_id)
    if progress is not None:
        samples.add(names.JOB_ETA_STATE, 1, spec.job_id, progress.eta_state.value)


def _chance(status: JobStatus) -> float | None:
    """Return the chance of a miss: after the deadline it is 1, whatever is known of the ETA."""
    return 1.0 if status.sla_remaining_hours < 0 else status.miss_probability


def _add_work(samples: Samples, job_id: str, progress: Progress) -> None:
    rows = progress.rows
    for state in ("succeeded", "failed", "expired", "cancelled", "running", "waiting"):
        samples.add(names.JOB_ROWS, getattr(rows, state), job_id, state)
    samples.add(names.JOB_WORK_RATIO, progress.work_progress, job_id)
    for kind in ("prompt", "completion", "cached"):
        samples.add(names.JOB_TOKENS, getattr(progress.tokens, kind), job_id, kind)
    samples.add(names.JOB_LATENCY_P50, progress.latency.p50, job_id)
    samples.add(names.JOB_LATENCY_P95, progress.latency.p95, job_id)
    samples.add(names.JOB_HEARTBEAT, progress.written_at.timestamp(), job_id)
    samples.add(names.JOB_GENERATION, progress.generation, job_id)
    samples.add(names.JOB_PAUSED, float(progress.paused), job_id)
    samples.add(names.JOB_SHARDS, progress.shards.total, job_id, "staged")
    samples.add(names.JOB_SHARDS, progress.shards.committed, job_id, "committed")
    samples.add(names.JOB_REPLICAS_LOST, progress.replicas.lost, job_id)
    samples.add(names.JOB_ROWS_REDONE, progress.rows_redone, job_id)
    for error_class in ErrorClass:
        samples.add(names.JOB_DEAD_LETTERS, progress.dead_letters.get(error_class, 0), job_id, error_class.value)


def _add_use(samples: Samples, job_id: str, progress: Progress) -> None:
    engine, store = progress.engine, progress.store
    if engine is not None:
        samples.add(names.JOB_KV_CACHE, engine.kv_cache, job_id)
        samples.add(names.JOB_PREEMPTIONS, engine.preemptions, job_id)
        samples.add(names.JOB_PREFIX_CACHE, engine.prefix_queries, job_id, "queried")
        samples.add(names.JOB_PREFIX_CACHE, engine.prefix_hits, job_id, "hit")
    if store is not None:
        samples.add(names.JOB_STORE_REQUESTS, store.requests - store.errors, job_id, "ok")
        samples.add(names.JOB_STORE_REQUESTS, store.errors, job_id, "error")
        samples.add(names.JOB_STORE_SECONDS, store.seconds / store.requests if store.requests else None, job_id)


def _add_rates(samples: Samples, job_id: str, progress: Progress) -> None:
    """Add what holds only while the Ray job writes heartbeats: a dead one answers no rows."""
    samples.add(names.JOB_ROWS_PER_SECOND, progress.rates.rows_per_second, job_id)
    samples.add(names.JOB_OUTPUT_TOKENS, progress.rates.live, job_id)
    samples.add(names.JOB_REPLICAS, progress.replicas.live, job_id, "live")
    samples.add(names.JOB_REPLICAS, progress.replicas.wanted, job_id, "wanted")
