"""A staged job in memory: what the cluster's parts read and write, without Ray or S3."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakes.job_inputs import NO_INPUT
from llmbatch.core.config_sections import HeartbeatConfig, StagingConfig
from llmbatch.core.endpoints import ANSWER_LIMITS, Endpoint
from llmbatch.core.engine_settings import EngineKind, EngineSettings
from llmbatch.core.identity import shard_id_of
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.length_cells import LengthClass, class_of
from llmbatch.core.length_sums import RowSums, pack_rows
from llmbatch.core.request_options import InputFormat, OutputFormat
from llmbatch.core.rows import STAGED_COLUMNS, StagedRow
from llmbatch.core.shards import StagedManifest, StagedShard
from llmbatch.core.store import MemoryStore

JOB = "job-0123456789abcdef"


def chat(line: int, text: str, **body: Any) -> StagedRow:
    return staged(line, Endpoint.CHAT, {"messages": [{"role": "user", "content": text}], **body})


def staged(line: int, url: str, request: Any, error_class: str | None = None) -> StagedRow:
    text = request if isinstance(request, str) else json.dumps(request, separators=(",", ":"))
    error = "unreadable" if error_class else None
    limit = answer_limit(url, request) if error is None and isinstance(request, dict) else 0
    return StagedRow(f"00000-{line:09d}", f"c{line}", line, url, text, len(text), limit, error_class, error)


def answer_limit(url: str, body: dict[str, Any]) -> int:
    """What staging counts: the limit of one answer, 256 without one, times the answers."""
    limits = [body[key] for key in ANSWER_LIMITS.get(Endpoint(url), ()) if isinstance(body.get(key), int)]
    return [*limits, 256][0] * body.get("n", 1) if Endpoint(url) in ANSWER_LIMITS else 0


def stage(store: MemoryStore, rows: Sequence[StagedRow], shard_rows: int, **engine: Any) -> SimpleNamespace:
    layout = JobLayout.of("s3://bucket/base", JOB)
    schema = pa.schema([pa.field(name, kind) for name, kind in STAGED_COLUMNS])
    shards = []
    for start in range(0, len(rows), shard_rows):
        part = rows[start : start + shard_rows]
        columns = {name: [getattr(row, name) for row in part] for name, _ in STAGED_COLUMNS}
        sink = io.BytesIO()
        pq.write_table(pa.table(columns, schema=schema), sink)
        shard_id = shard_id_of(start // shard_rows)
        info = store.put(layout.staged_shard(shard_id), sink.getvalue())
        invalid = sum(row.error_class is not None for row in part)
        lengths: dict[LengthClass, RowSums] = {}
        for row in part:
            if row.error_class is None:
                limit = row.answer_limit
                kind = class_of(row.input_chars, limit)
                found = lengths.get(kind, (0, 0, 0))
                lengths[kind] = RowSums(found[0] + 1, found[1] + row.input_chars, max(found[2], limit))
        shards.append(
            StagedShard(
                shard_id=shard_id,
                rows=len(part),
                invalid_rows=invalid,
                input_chars=sum(row.input_chars for row in part),
                etag=info.etag,
                lengths=pack_rows(lengths),
            )
        )
    manifest = StagedManifest(job_id=JOB, shards=tuple(shards), seconds=1.0)
    now = datetime.now(UTC)
    spec = JobSpec(
        job_id=JOB,
        dag_id="d",
        run_id="r",
        root_uri=layout.root,
        created_at=now,
        deadline=now + timedelta(hours=1),
        request=JobRequest(input_uri="s3://bucket/in.jsonl"),
        input_format=InputFormat.JSONL,
        output_format=OutputFormat.JSONL,
        output_uri="s3://bucket/out/",
        inputs=NO_INPUT,
        model_name="m",
        model_uri="bundled:smollm2-135m-instruct",
        engine=EngineSettings(kind=EngineKind.ECHO, **engine),
        staging=StagingConfig(),
        heartbeat=HeartbeatConfig(),
    )
    return SimpleNamespace(layout=layout, manifest=manifest, spec=spec)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def make() -> SimpleNamespace:
    return SimpleNamespace(chat=chat, staged=staged, stage=stage)


@pytest.fixture
def read_results(store: MemoryStore) -> Callable[[str], pa.Table]:
    return lambda uri: pq.read_table(io.BytesIO(store.get(uri)))
