"""A staged job over a memory store, and its committed results: the input of publish."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fakes.job_inputs import put_inputs
from fakes.results import answer, put_result
from llmbatch.core.clock import ManualClock
from llmbatch.core.config_sections import HeartbeatConfig, StagingConfig
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import InputFormat, OutputFormat
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.staged_shards import decode_shard
from llmbatch.orchestrator.staging.stage import stage

NOW = datetime(2030, 1, 1, tzinfo=UTC)
INPUT = b"".join(b'{"prompt": "q%d", "id": "c%d"}\n' % (number, number) for number in range(9)) + b"broken\n"


def staged_job(
    fmt: OutputFormat = OutputFormat.JSONL, body: bytes = INPUT, input_format: InputFormat = InputFormat.JSONL
) -> tuple[JobSpec, MemoryStore]:
    store = MemoryStore()
    info = store.put("s3://b/in.jsonl", body)
    spec = JobSpec(
        job_id="job-0000000000000001",
        dag_id="d",
        run_id="r",
        root_uri="s3://b/jobs/job-0000000000000001",
        created_at=NOW,
        deadline=NOW + timedelta(hours=1),
        request=JobRequest(input_uri="s3://b/in.jsonl", max_error_rate=0.5),
        input_format=input_format,
        output_format=fmt,
        output_uri="s3://b/out",
        inputs=put_inputs(store, "s3://b/jobs/job-0000000000000001", [info]),
        model_name="small",
        model_uri="hub/small",
        engine=EngineSettings(),
        staging=StagingConfig(shard_rows=4),
        heartbeat=HeartbeatConfig(),
    )
    stage(spec, store, ManualClock(NOW))
    return spec, store


def answered(spec: JobSpec, store: MemoryStore) -> dict[str, list[dict]]:
    shards = {}
    for number in range(3):
        shard_id = f"shard-{number:05d}"
        rows = decode_shard(store.get(spec.layout.staged_shard(shard_id))).to_pylist()
        shards[shard_id] = [answer(row) for row in rows]
        put_result(spec, store, shard_id, shards[shard_id])
    return shards
