"""Jobs with a history to look at: estimates of two generations, alerts, a reaction, shards. Always the same numbers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

from fakes.finished_jobs import alert_of, finish
from fakes.gateway import FakeGateway
from fakes.gateway_jobs import put_job
from llmbatch.core.alerts import Alert, Level
from llmbatch.core.eta.trace import EstimateTrace, TracePoint
from llmbatch.core.identity import shard_id_of
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import RowRecord, ShardRecord, TokenRecord
from llmbatch.core.progress import (
    EtaSeconds,
    EtaState,
    Latency,
    Progress,
    Rates,
    Replicas,
    RowCounts,
    ShardCounts,
    TokenCounts,
)
from llmbatch.core.reactions import Reaction, ReactionKind, create_reaction
from llmbatch.core.states import ErrorClass, Phase

ROWS = 167_000
SHARDS = 250
TOKENS = 118
"""Output tokens of a row."""
MINUTES = 60.0
KILLED, BACK, WORKS, GROWN = 62 * MINUTES, 68 * MINUTES, 73 * MINUTES, 86 * MINUTES
"""Seconds after submission: generation 1 dies; generation 2 begins, works, and has four replicas instead of two."""
ENDS = 217 * MINUTES


def put_halfway(gateway: FakeGateway, run_id: str = "classify", owner: str = "ann", **changes: object) -> JobSpec:
    """Put a running job at 60 %: two generations, 80 estimates, two alerts, one reaction, 250 shards.

    It was submitted 150 minutes ago, its deadline is in 90 minutes, and it will be done in about 67.
    """
    spec = _put_spec(gateway, run_id, "running", owner, 150 * MINUTES, 240 * MINUTES, changes)
    traces = course_of(spec, 150 * MINUTES)
    _put_traces(gateway, spec, traces)
    _put_events(gateway, spec)
    last = traces[-1].points[-1]
    committed = int(0.97 * last.rows * SHARDS)
    for n in range(committed):
        gateway.store.put(spec.layout.result_shard(shard_id_of(n)), b"")
    beat = beat_of(spec, last).model_copy(
        update={
            "shards": ShardCounts(total=SHARDS, committed=committed),
            "running_shards": tuple(shard_id_of(committed + n) for n in range(9)),
            "redone_shards": tuple(shard_id_of(n) for n in (71, 72, 104, committed + 2)),
            "rows_redone": 1214,
        }
    )
    gateway.store.put(spec.layout.progress, beat.model_dump_json().encode())
    return spec


def put_missed(gateway: FakeGateway, run_id: str = "late", owner: str = "bob") -> JobSpec:
    """Put a finished job that missed its deadline by 37 minutes."""
    return _put_over(gateway, run_id, owner, 180 * MINUTES)


def put_met(gateway: FakeGateway, run_id: str = "in-time", owner: str = "ann") -> JobSpec:
    """Put a finished job that met its deadline with 23 minutes left."""
    return _put_over(gateway, run_id, owner, 240 * MINUTES)


def course_of(spec: JobSpec, until: float = ENDS) -> tuple[EstimateTrace, ...]:
    """Return the estimates of both generations up to ``until`` seconds after submission."""
    chance = random.Random(7)
    first = [_point(spec, at, chance) for at in _times(6 * MINUTES, KILLED, 32)]
    second = [_point(spec, at, chance) for at in _times(BACK, until, 48)]
    phases = (
        {"queued": 190.0, "cluster": 55.0, "model_load": 160.0, "work": KILLED - 9 * MINUTES},
        {"cluster": 40.0, "model_load": 260.0, "work": min(until, ENDS - 90) - WORKS},
    )
    if until >= ENDS:
        phases[1]["tail"] = 90.0
    return tuple(
        EstimateTrace(job_id=spec.job_id, generation=n + 1, points=tuple(points), seconds_phase=phases[n])
        for n, points in enumerate((first, second))
    )


def beat_of(spec: JobSpec, point: TracePoint) -> Progress:
    """Return the heartbeat of generation 2 that a point was made of."""
    failed, ended = point.failed or 0, round(point.rows * ROWS)
    seconds = (point.at - spec.created_at).total_seconds()
    return Progress(
        job_id=spec.job_id,
        generation=2,
        sequence=900,
        phase=Phase.WORK,
        written_at=point.at,
        started_at=spec.created_at + timedelta(seconds=BACK),
        rows=RowCounts(total=ROWS, succeeded=ended - failed, failed=failed, running=point.running or 0),
        shards=ShardCounts(total=SHARDS),
        tokens=TokenCounts(prompt=ended * 410, completion=ended * TOKENS, cached=ended * 96),
        rates=Rates(
            rows_per_second=16.2,
            output_tokens_per_second=16.2 * TOKENS,
            recent_output_tokens_per_second=point.output_tokens_per_second,
        ),
        latency=Latency(p50=3.1, p95=point.latency_p95),
        replicas=Replicas(live=point.replicas, wanted=4, lost=1),
        dead_letters={ErrorClass.SCHEMA: failed - failed // 4, ErrorClass.TIMEOUT: failed // 4},
        eta=None
        if point.seconds is None
        else EtaSeconds(**dict(zip(("p10", "p50", "p90"), point.seconds, strict=True))),
        eta_state=EtaState.UNKNOWN if point.seconds is None else EtaState.ESTIMATED,
        eta_reason=point.reason,
        work_progress=point.work,
        seconds_phase={"cluster": 40.0, "model_load": 260.0, "work": seconds - WORKS},
    )


def alerts_of(spec: JobSpec) -> tuple[Alert, Alert]:
    """Return the two alerts of a job: yellow after 71 minutes, red after 78."""
    yellow, red = alert_of(spec, Level.YELLOW, 71 * MINUTES), alert_of(spec, Level.RED, 78 * MINUTES)
    return (
        yellow.model_copy(update={"reason": "the job works again after 6 minutes; 70 % of its time is needed"}),
        red.model_copy(update={"reason": "work 14500 s at 2 replicas; answers of 118 tokens"}),
    )


def reaction_of(spec: JobSpec) -> Reaction:
    """Return the reaction to the red alert."""
    at = spec.created_at + timedelta(seconds=79 * MINUTES)
    return Reaction(
        kind=ReactionKind.REPLICAS, number=1, at=at, was="2", to="4", why="P90 is 6900 s after the deadline"
    )


def _put_spec(
    gateway: FakeGateway, run_id: str, state: str, owner: str, age: float, window: float, changes: dict[str, object]
) -> JobSpec:
    begin = gateway.clock.now() + timedelta(seconds=1 - age)
    deadline = begin + timedelta(seconds=window)
    spec = put_job(gateway, run_id, state, owner, **{"created_at": begin, "deadline": deadline, **changes})
    key = (spec.dag_id, spec.run_id)
    gateway.airflow.dag_runs[key] = gateway.airflow.dag_runs[key].model_copy(update={"run_after": begin})
    return spec


def _put_traces(gateway: FakeGateway, spec: JobSpec, traces: Sequence[EstimateTrace]) -> None:
    for trace in traces:
        gateway.store.put(spec.layout.trace(trace.generation), trace.model_dump_json().encode())


def _put_events(gateway: FakeGateway, spec: JobSpec) -> None:
    for alert in alerts_of(spec):
        gateway.store.put(spec.layout.alert(alert.level.value, alert.number), alert.model_dump_json().encode())
    create_reaction(gateway.store, spec.layout, reaction_of(spec))


def _put_over(gateway: FakeGateway, run_id: str, owner: str, window: float) -> JobSpec:
    spec = _put_spec(gateway, run_id, "success", owner, 300 * MINUTES, window, {})
    traces = course_of(spec)
    proof = finish(gateway.store, spec, seconds=ENDS, traces=traces, alerts=alerts_of(spec))
    create_reaction(gateway.store, spec.layout, reaction_of(spec))
    shards = tuple(
        ShardRecord(
            shard_id=shard_id_of(n), rows=ROWS // SHARDS, key=spec.layout.result_shard(shard_id_of(n)), etag="e",
            generation=1 if n < 42 else 2,
        )
        for n in range(SHARDS)
    )  # fmt: skip
    failed = traces[-1].points[-1].failed or 0
    proof = proof.model_copy(
        update={
            "input": proof.input.model_copy(update={"rows": ROWS}),
            "rows": RowRecord(input=ROWS, succeeded=ROWS - failed, failed=failed),
            "tokens": TokenRecord(prompt=ROWS * 410, completion=ROWS * TOKENS, cached=ROWS * 96),
            "shards": shards,
            "timing": {"stage": 131.0, **traces[-1].seconds_phase, "publish": 74.0},
        }
    )
    gateway.store.put(spec.layout.manifest, proof.model_dump_json().encode())
    last = beat_of(spec, traces[-1].points[-1])
    done = {"phase": Phase.DONE, "shards": ShardCounts(total=SHARDS, committed=SHARDS), "eta_state": EtaState.FINISHED}
    gateway.store.put(spec.layout.progress, last.model_copy(update=done).model_dump_json().encode())
    return spec


def _times(begin: float, end: float, points: int) -> list[float]:
    return [begin + (end - begin) * n / (points - 1) for n in range(points)]


def _rows_at(at: float) -> float:
    """Rows with an outcome, so many seconds after submission."""
    slow = max(0.0, min(at, KILLED) - 9 * MINUTES) + max(0.0, min(at, GROWN) - WORKS)
    fast = max(0.0, min(at, ENDS) - GROWN)
    return ROWS * min(1.0, (slow + 1.9 * fast) / (53 * MINUTES + 13 * MINUTES + 1.9 * 131 * MINUTES))


def _point(spec: JobSpec, at: float, chance: random.Random) -> TracePoint:
    rows, moment = _rows_at(at), spec.created_at + timedelta(seconds=round(at, 3))
    is_loading = at < 9 * MINUTES or BACK <= at < WORKS
    if is_loading and at < 9 * MINUTES:
        return TracePoint(at=moment, rows=0.0, reason="the engines have not started, and no job before taught how long")
    pace = (_rows_at(at + 60) - _rows_at(at)) / 60 or 8.6
    pace = 8.6 if is_loading else pace
    left = max(0.0, (ROWS - rows) / pace * (1 + chance.uniform(-0.06, 0.06))) if at < ENDS else 0.0
    wide = 0.08 + 0.35 * (1 - rows / ROWS) ** 2
    live = 0 if is_loading else 2 if at < GROWN else 4
    return TracePoint(
        at=moment,
        rows=rows / ROWS,
        work=rows / ROWS,
        seconds=(round(left * (1 - 0.7 * wide), 2), round(left, 2), round(left * (1 + 1.2 * wide), 2)),
        predicted=round(left, 2),
        replicas=live,
        reason=f"start 0 s, work {left:.0f} s, tail 41 s; answers of {TOKENS} tokens at {live or 2} replicas",
        output_tokens_per_second=None
        if at >= ENDS
        else 0.0
        if is_loading
        else round(pace * TOKENS * chance.uniform(0.93, 1.07), 2),
        latency_p95=None if is_loading else round(7.5 + 2.5 * live / 4 + chance.uniform(-0.4, 0.4), 3),
        failed=round(rows * 0.0011),
        running=0 if is_loading else 64 * live,
    )
