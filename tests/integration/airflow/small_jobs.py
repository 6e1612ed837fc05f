"""Accepted jobs of 2000 rows, and the Ray room's part of them without an engine."""

from __future__ import annotations

import io
import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from fakes.job_inputs import put_inputs
from fakes.results import chat_body
from llmbatch.core.config_sections import HeartbeatConfig, StagingConfig
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import InputFormat, OutputFormat
from llmbatch.core.rows import META_KEY, RESULT_COLUMNS
from llmbatch.core.shards import ShardTally
from llmbatch.orchestrator.jobs.staged_shards import decode_shard
from llmbatch.s3.store import S3Store

BUCKET = "llm-batch"
ROWS = 2000
JSONL = b"".join(b'{"prompt": "question %d", "id": %d}\n' % (number, number) for number in range(ROWS))
SCHEMA = pa.schema([(name, pa.type_for_alias(alias)) for name, alias in RESULT_COLUMNS])


def job(store: S3Store, name: str, *uris: str, fmt: InputFormat = InputFormat.JSONL, shard_rows: int = 64) -> JobSpec:
    infos = [store.head(uri) for uri in uris]
    now = datetime.now(UTC)
    return JobSpec(
        job_id=f"job-{name}",
        dag_id="d",
        run_id=name,
        root_uri=f"s3://{BUCKET}/jobs/job-{name}",
        created_at=now,
        deadline=now + timedelta(hours=1),
        request=JobRequest(input_uri=uris[0]),
        input_format=fmt,
        output_format=OutputFormat.PARQUET,
        output_uri=f"s3://{BUCKET}/out/{name}/",
        inputs=put_inputs(store, f"s3://{BUCKET}/jobs/job-{name}", infos),
        model_name="small",
        model_uri="hub/small",
        engine=EngineSettings(),
        staging=StagingConfig(shard_rows=shard_rows),
        heartbeat=HeartbeatConfig(),
    )


def commit(spec: JobSpec, store: S3Store, shard_id: str, failed_lines: Collection[int] = ()) -> None:
    """Write what the Ray room would, without an engine."""
    rows = decode_shard(store.get(spec.layout.staged_shard(shard_id))).to_pylist()
    answers = [
        {
            **{name: row[name] for name in ("row_id", "custom_id", "line", "url")},
            "state": "failed" if row["line"] in failed_lines else "succeeded",
            "response": json.dumps(chat_body(f"answer {row['line']}")),
            **{"prompt_tokens": 1, "completion_tokens": 1, "cached_tokens": 0, "seconds": 0.1, "attempts": 1},
        }
        for row in rows
    ]
    tally = ShardTally(shard_id=shard_id, generation=1, rows=len(rows), succeeded=len(rows), failed=0)
    sink = io.BytesIO()
    schema = SCHEMA.with_metadata({META_KEY: tally.model_dump_json().encode()})
    pq.write_table(pa.Table.from_pylist(answers, schema=schema), sink)
    store.create(spec.layout.result_shard(shard_id), sink.getvalue())
