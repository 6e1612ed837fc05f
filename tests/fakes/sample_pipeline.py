"""Samples of every metric of the catalogue: two running jobs, one that will be late, and a queue."""

from __future__ import annotations

import math
from collections.abc import Callable

from fakes.samples import SECONDS, Sample, grows, series, steps, wave
from llmbatch.core import metrics as m
from llmbatch.core.states import ErrorClass, Phase

ROWS = 60_000

Value = Callable[[float], float | None] | float


def pipeline_samples(end: float) -> list[Sample]:
    """Return what gateway and tasks have exported until ``end``, Unix time."""
    return [
        *_service(end),
        *_job(end, "tag-support", "smollm2", speed=0.7, deadline=5400),
        *_job(end, "nightly-eval", "qwen2.5-7b", speed=1.0, deadline=900),
        *_events("smollm2", start=1800),
        *_events("qwen2.5-7b", start=4000),
    ]


def _clock(end: float, offset: float) -> Callable[[float], float]:
    return lambda second: end - SECONDS + second + offset


def _service(end: float) -> list[Sample]:
    phases: dict[Phase, Value] = {Phase.QUEUED: wave(8, 6, 120), Phase.MODEL_LOAD: 1, Phase.WORK: 2}
    return [
        *(series(m.JOBS.name, phases.get(phase, 0), phase=phase.value) for phase in Phase),
        series(m.QUEUE_JOBS.name, wave(60, 55, 170)),
        series(m.QUEUE_OLDEST.name, _clock(end, -2400)),
        series(m.QUEUE_REPLICA_SECONDS.name, wave(90_000, 9000, 90)),
        series(m.ADMITTING.name, 1),
        series(m.CLUSTER_INFO.name, 1, **dict.fromkeys(m.CLUSTER_INFO.labels, "1.0")),
        series(m.SLA_MET_RATIO.name, wave(0.93, 0.03, 120)),
        *(
            series(m.ETA_ERROR_RATIO.name, wave(error, error / 4, 60), progress=progress)
            for progress, error in (("10", 0.12), ("25", 0.09), ("50", 0.05), ("90", 0.02))
        ),
        series(m.ETA_COVERAGE_RATIO.name, wave(0.82, 0.04, 150)),
        series(m.EXPORTER_LAST_SUCCESS.name, _clock(end, -4)),
        series(m.EXPORTER_DURATION.name, wave(0.08, 0.02)),
        series(m.EXPORTER_ERRORS.name, steps(5000, 5200), reason="store"),
        series(m.EXPORTER_SKEW.name, wave(0.01, 0.02)),
        series(m.BUILD_INFO.name, 1, **dict.fromkeys(m.BUILD_INFO.labels, "1.0")),
        *_histogram(m.GATEWAY_STORE_SECONDS, 4, operation="get", result="ok"),
    ]


def _job(end: float, job_id: str, model: str, *, speed: float, deadline: float) -> list[Sample]:
    """Return a job that began an hour ago and is due ``deadline`` seconds after ``end``."""
    born = SECONDS - 3600

    def during(value: Value, begin: float = 0) -> Callable[[float], float | None]:
        at = value if callable(value) else lambda _: float(value)
        return lambda second: None if second < born + begin else at(second - born)

    def of(metric: m.Metric, value: Value, begin: float = 0, **labels: str) -> Sample:
        return series(metric.name, during(value, begin), job_id=job_id, **labels)

    def done(second: float) -> float:
        return min(1.0, speed * max(0.0, second - 300) / 6000)

    def done_times(factor: float) -> Callable[[float], float]:
        return lambda second: factor * done(second)

    def eta(wide: float) -> Callable[[float], float]:
        return lambda second: max(0.0, 300 / speed + 6000 / speed - second) * (1 + wide * (1 - done(second)))

    def late(second: float) -> float:
        return 1 / (1 + math.exp(4 * (1 - eta(0)(second) / (3600 + deadline - second))))

    ended = {"succeeded": 0.985, "failed": 0.012, "expired": 0.002, "cancelled": 0.001}
    return [
        of(
            m.JOB_INFO,
            1,
            dag_id="llmbatch_inference",
            run_id=f"manual__{job_id}",
            model=model,
            priority="0",
            owner="ann",
        ),
        of(m.JOB_PHASE, lambda second: 1, phase="work"),
        of(m.JOB_DEADLINE, end + deadline),
        of(m.JOB_LEVEL, 1, level="red" if deadline < 1800 else "ok"),
        of(m.JOB_COST, grows(0.0011 * speed)),
        *(of(m.JOB_ROWS, done_times(ROWS * part), 60, state=state) for state, part in ended.items()),
        of(m.JOB_ROWS, lambda second: 256 if second > 300 else 0, 60, state="running"),
        of(m.JOB_ROWS, lambda second: ROWS * (1 - done(second)) - (256 if second > 300 else 0), 60, state="waiting"),
        of(m.JOB_WORK_RATIO, done, 60),
        of(m.JOB_ROWS_PER_SECOND, wave(9 * speed, 1), 330),
        of(m.JOB_OUTPUT_TOKENS, wave(1900 * speed, 250, 7), 330),
        *(
            of(m.JOB_TOKENS, done_times(ROWS * each), 60, kind=kind)
            for kind, each in (("prompt", 310), ("completion", 190), ("cached", 120))
        ),
        of(m.JOB_LATENCY_P50, wave(2.2 / speed, 0.2), 360),
        of(m.JOB_LATENCY_P95, wave(3.9 / speed, 0.5), 360),
        of(m.JOB_ETA_P10, eta(-0.15), 400),
        of(m.JOB_ETA_P50, eta(0), 400),
        of(m.JOB_ETA_P90, eta(0.25), 400),
        of(m.JOB_ETA_STATE, 1, state="estimated"),
        of(m.JOB_MISS_PROBABILITY, late, 400),
        of(m.JOB_BURN_RATE, lambda second: eta(0)(second) / (3600 + deadline - second), 400),
        of(m.JOB_HEARTBEAT, lambda second: end - 3600 + second - 1 - second % 3, 60),
        of(m.JOB_REPLICAS, lambda second: 1 if 1500 < second < 1800 else 2, 60, state="live"),
        of(m.JOB_REPLICAS, 2, 60, state="wanted"),
        of(m.JOB_REPLICAS_LOST, lambda second: float(second > 1500), 60),
        of(m.JOB_ROWS_REDONE, lambda second: 190.0 * (second > 1500), 60),
        *(of(m.JOB_DEAD_LETTERS, done_times(90 / n), 60, error_class=c) for n, c in enumerate(ErrorClass, 1)),
        of(m.JOB_GENERATION, 1, 60),
        of(m.JOB_PAUSED, 0, 60),
        of(m.JOB_SHARDS, 240, 60, state="staged"),
        of(m.JOB_SHARDS, lambda second: math.floor(240 * done(second)), 60, state="committed"),
        of(m.JOB_KV_CACHE, wave(0.86, 0.1, 9), 330),
        of(m.JOB_PREEMPTIONS, lambda second: math.floor(second / 200), 330),
        of(m.JOB_PREFIX_CACHE, lambda second: 90_000 * done(second) * 300, 330, result="queried"),
        of(m.JOB_PREFIX_CACHE, lambda second: 40_000 * done(second) * 300, 330, result="hit"),
        of(m.JOB_STORE_REQUESTS, lambda second: math.floor(second * 1.4), 60, result="ok"),
        of(m.JOB_STORE_REQUESTS, lambda second: float(second > 1600), 60, result="error"),
        of(m.JOB_STORE_SECONDS, wave(0.02, 0.004), 60),
    ]


def _events(model: str, start: float) -> list[Sample]:
    """Return what the jobs of a model have counted since ``start``; each counter begins with its first event."""
    at = tuple(start + 1300 * number for number in range(7))
    scale = 1 if model == "smollm2" else 2.5

    def of(metric: m.Metric, amount: float = 1, **labels: str) -> Sample:
        return series(metric.name, steps(*at, amount=amount * scale), **labels)

    once = [] if model == "smollm2" else [
        *(of(m.ADMISSIONS, verdict=verdict) for verdict in ("accepted", "refused")),
        *(of(m.SLA_ALERTS, level=level) for level in ("yellow", "red")),
        *(of(m.ALERT_DELIVERIES, sink="webhook", result=result) for result in ("ok", "retried", "given_up")),
        of(m.JOBS_FAILED, task_id="run"),
        *(of(m.GENERATIONS, kind=kind) for kind in ("first", "restart")),
        *(of(m.RAY_JOBS_ENDED, reason=reason) for reason in ("committed", "crashed")),
        of(m.DROP_SCANS, amount=20, result="ok"),
        of(m.DROP_INPUTS, result="started"),
        of(m.ORPHANS),
        of(m.BACKUPS, result="ok"),
        *_histogram(m.STORE_SECONDS, 2, operation="get", result="ok"),
        *_histogram(m.STORE_SECONDS, 1, operation="put", result="conflict"),
    ]  # fmt: skip
    return [
        *once,
        *(of(m.JOBS_FINISHED, model=model, sla=sla) for sla in ("met", "missed")),
        *(of(m.ROWS, 20_000 / number, model=model, outcome=o) for number, o in enumerate(("succeeded", "failed"), 1)),
        *(of(m.TOKENS, amount, model=model, kind=kind) for kind, amount in
          (("prompt", 6e6), ("completion", 4e6), ("cached", 2e6))),
        *(of(m.DEAD_LETTERS, 30 / number, model=model, error_class=c) for number, c in enumerate(ErrorClass, 1)),
        of(m.COST, 1.9, model=model),
        of(m.REPLICA_SECONDS, 2700, model=model, accelerator="gpu"),
        *_histogram(m.MODEL_LOAD_SECONDS, 0.001, model=model),
    ]  # fmt: skip


def _histogram(metric: m.Metric, rate: float, **labels: str) -> list[Sample]:
    """Return a histogram of ``rate`` observations a second, half of which are in each next bucket."""
    bounds = [*(f"{bound:g}" for bound in metric.buckets), "+Inf"]
    parts = [*(1 - 0.5**number for number in range(1, len(bounds))), 1]
    return [
        *(
            series(f"{metric.name}_bucket", grows(rate * part), **labels, le=bound)
            for bound, part in zip(bounds, parts, strict=True)
        ),
        series(f"{metric.name}_sum", grows(rate * metric.buckets[2]), **labels),
        series(f"{metric.name}_count", grows(rate), **labels),
    ]
