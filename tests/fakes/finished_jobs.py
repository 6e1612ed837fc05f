"""A finished job in a store, as staging, the Ray job and publish leave it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from fakes.job_inputs import NO_INPUT
from llmbatch.core.alerts import Alert, Level
from llmbatch.core.config_sections import HeartbeatConfig, StagingConfig
from llmbatch.core.engine_settings import Accelerator, EngineSettings
from llmbatch.core.eta.trace import EstimateTrace, TracePoint
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import (
    CostRecord,
    InputRecord,
    JobManifest,
    LevelChange,
    ModelRecord,
    RowRecord,
    ShardRecord,
    SlaRecord,
    TokenRecord,
)
from llmbatch.core.progress import EtaSeconds, EtaState, Progress, RowCounts
from llmbatch.core.request_options import InputFormat, OutputFormat
from llmbatch.core.states import Phase
from llmbatch.core.store import MemoryStore

NOW = datetime(2030, 1, 1, tzinfo=UTC)
BASE = "s3://b/base"


def job_id(number: int) -> str:
    return f"job-{number:016x}"


def spec_of(number: int = 1, *, submitted_at: datetime = NOW, hours: float = 2.0, **request: object) -> JobSpec:
    return JobSpec(
        job_id=job_id(number),
        dag_id="d",
        run_id=f"r{number}",
        root_uri=f"{BASE}/jobs/{job_id(number)}",
        created_at=submitted_at,
        deadline=submitted_at + timedelta(hours=hours),
        request=JobRequest(input_uri="s3://b/in.jsonl", **request),
        input_format=InputFormat.JSONL,
        output_format=OutputFormat.JSONL,
        output_uri="s3://b/out",
        inputs=NO_INPUT,
        model_name="small",
        model_uri="hub/small",
        engine=EngineSettings(accelerator=Accelerator.GPU, min_replicas=2, gpus_per_replica=2),
        staging=StagingConfig(),
        heartbeat=HeartbeatConfig(),
    )


def trace_of(
    spec: JobSpec,
    generation: int = 1,
    *,
    begin: float = 0.0,
    end: float = 3600.0,
    wrong: float = 1.1,
    replicas: int = 2,
) -> EstimateTrace:
    """A generation from ``begin`` to ``end`` seconds after submission: P50 is ``wrong`` times the remaining time."""
    points = [TracePoint(at=spec.created_at + timedelta(seconds=begin), rows=0.0)]
    for n in range(1, 20):
        share = n / 20
        left = (1 - share) * (end - begin) * wrong
        points.append(
            TracePoint(
                at=spec.created_at + timedelta(seconds=begin + share * (end - begin)),
                rows=share,
                work=share,
                seconds=(0.8 * left, left, 1.3 * left),
                predicted=left,
                replicas=replicas,
            )
        )
    points.append(
        TracePoint(
            at=spec.created_at + timedelta(seconds=end), rows=1.0, work=1.0, seconds=(0, 0, 0), predicted=0,
            replicas=replicas,
        )
    )  # fmt: skip
    span = end - begin
    phases = {
        "queued": 1.0,
        "model_load": round(span / 20, 3),
        "work": round(span * 0.9, 3),
        "tail": round(span / 20, 3),
    }
    return EstimateTrace(
        job_id=spec.job_id,
        generation=generation,
        points=tuple(points),
        rate=50.0,
        price=0.03,
        level=90.0,
        slope=0.5,
        spread=0.4,
        long=0.03,
        seconds_phase=phases,
    )


def alert_of(spec: JobSpec, level: Level, seconds: float, number: int = 1) -> Alert:
    return Alert(
        job_id=spec.job_id,
        dag_id=spec.dag_id,
        run_id=spec.run_id,
        level=level,
        number=number,
        raised_at=spec.created_at + timedelta(seconds=seconds),
        raised_by="sensor",
        deadline=spec.deadline,
        miss_probability=0.6,
    )


def finish(
    store: MemoryStore,
    spec: JobSpec,
    *,
    seconds: float = 3600.0,
    traces: Sequence[EstimateTrace] | None = None,
    alerts: Sequence[Alert] = (),
) -> JobManifest:
    """Put all objects that ``report`` reads; the manifest is ten seconds after the last commit."""
    layout, finished = spec.layout, spec.created_at + timedelta(seconds=seconds + 10)
    store.put(layout.spec, spec.model_dump_json().encode())
    for trace in (trace_of(spec, end=seconds),) if traces is None else traces:
        store.put(layout.trace(trace.generation), trace.model_dump_json().encode())
    for alert in alerts:
        store.put(layout.alert(alert.level.value, alert.number), alert.model_dump_json().encode())
    store.put(layout.progress, progress_of(spec, seconds, phase=Phase.DONE, ended=100).model_dump_json().encode())
    manifest = JobManifest(
        job_id=spec.job_id,
        model=ModelRecord(name=spec.model_name, uri=spec.model_uri),
        versions={},
        input=InputRecord(uri="s3://b/in.jsonl", objects=(), rows=100),
        rows=RowRecord(input=100, succeeded=99, failed=1),
        missing=0,
        duplicates=0,
        tokens=TokenRecord(prompt=50_000, completion=10_000, cached=0),
        shards=(ShardRecord(shard_id="shard-00000", rows=100, key="k", etag="e", generation=1),),
        outputs=(),
        timing={"stage": 1.0, "work": 3000.0, "tail": 60.0},
        sla=SlaRecord(
            deadline=spec.deadline,
            finished_at=finished,
            met=finished <= spec.deadline,
            levels=(
                LevelChange(at=spec.created_at, level=Level.OK),
                *(LevelChange(at=each.raised_at, level=each.level, reason=each.reason) for each in alerts),
            ),
        ),
        cost=CostRecord(replica_hours=2.0, gpu_hours=4.0, usd=10.0, usd_per_million_tokens=166.67),
    )
    store.put(layout.manifest, manifest.model_dump_json().encode())
    return manifest


def progress_of(
    spec: JobSpec,
    seconds: float,
    *,
    phase: Phase = Phase.WORK,
    ended: int = 50,
    eta: tuple[float, float, float] | None = None,
    state: EtaState | None = None,
) -> Progress:
    known = EtaState.ESTIMATED if eta else EtaState.UNKNOWN
    return Progress(
        job_id=spec.job_id,
        generation=1,
        sequence=1,
        phase=phase,
        written_at=spec.created_at + timedelta(seconds=seconds),
        started_at=spec.created_at,
        rows=RowCounts(total=100, succeeded=ended),
        shards={"total": 1, "committed": 0},
        eta=EtaSeconds(p10=eta[0], p50=eta[1], p90=eta[2]) if eta else None,
        eta_state=state or known,
        eta_reason="a reason" if state else "",
    )
