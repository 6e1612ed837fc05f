"""Jobs over small input objects, and the rows that are read from them."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from fakes.job_inputs import put_inputs
from llmbatch.core.config_sections import HeartbeatConfig, StagingConfig
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import InputFormat, OutputFormat
from llmbatch.core.rows import StagedRow
from llmbatch.core.serving import Serving
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.inputs.prompt import RequestBuilder
from llmbatch.orchestrator.jobs.documents import read_inputs
from llmbatch.orchestrator.staging.rows import UniqueIds, staged_rows

NOW = datetime(2030, 1, 1, tzinfo=UTC)
CHAT = "/v1/chat/completions"
PLAIN = b"".join(b'{"prompt": "question %d"}\n' % number for number in range(50_000))
LINES = b"".join(b'{"prompt": "question %d", "id": %d}\n' % (number, number) for number in range(1000))


def input_job(
    store: MemoryStore,
    objects: dict[str, bytes],
    fmt: InputFormat,
    staging: dict[str, int] | None = None,
    serving: Serving | None = None,
    **request,
) -> JobSpec:
    infos = [store.put(f"s3://b/in/{name}", body) for name, body in objects.items()]
    return JobSpec(
        job_id="job-0000000000000001",
        dag_id="d",
        run_id="r",
        root_uri="s3://b/jobs/job-0000000000000001",
        created_at=NOW,
        deadline=NOW,
        request=JobRequest(input_uri="s3://b/in/", **request),
        input_format=fmt,
        output_format=OutputFormat.JSONL,
        output_uri="s3://b/out/",
        inputs=put_inputs(store, "s3://b/jobs/job-0000000000000001", infos),
        model_name="m",
        model_uri="hub/m",
        serving=Serving(name="m") if serving is None else serving,
        engine=EngineSettings(),
        staging=StagingConfig(**(staging or {})),
        heartbeat=HeartbeatConfig(),
    )


def builder_of(uri: str = "s3://b/in/", max_prompt_chars: int = 1000, **request: object) -> RequestBuilder:
    staging = StagingConfig(max_prompt_chars=max_prompt_chars, max_media_bytes=0)
    return RequestBuilder(JobRequest(input_uri=uri, **request), staging, Serving())


def rows_of(body: bytes | dict[str, bytes], fmt: InputFormat, store: MemoryStore | None = None, **options):
    objects = body if isinstance(body, dict) else {"a.txt": body}
    store = store or MemoryStore()
    spec = input_job(store, objects, fmt, **options)
    accepted = read_inputs(spec, store)
    return list(UniqueIds(spec).checked(staged_rows(spec, accepted, store, RequestBuilder.of(spec)), accepted))


def chat_line(custom_id: object, body: object = None, **changes: object) -> bytes:
    line = {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body, **changes}
    if body is None:
        line["body"] = {"messages": [{"role": "user", "content": "hi"}]}
    return json.dumps(line).encode()


def user(content: object, **rest: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": content}], **rest}


def request_of(row: StagedRow) -> dict:
    assert row.error is None, row.error
    return json.loads(row.request)


def table_bytes(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def jsonl_job(store: MemoryStore, *bodies: bytes, **request: object) -> JobSpec:
    """Return a job over JSONL objects, with shards of 64 rows."""
    objects = {f"part-{index}.jsonl": body for index, body in enumerate(bodies)}
    return input_job(store, objects, InputFormat.JSONL, {"shard_rows": 64}, **request)
