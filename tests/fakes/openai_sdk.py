"""The official SDK against the gateway in process, and jobs that have delivered OpenAI's files."""

from __future__ import annotations

from datetime import UTC, datetime

from openai import OpenAI

from fakes.gateway import BASE, FakeGateway
from fakes.job_inputs import NO_INPUT
from llmbatch.core.config_sections import HeartbeatConfig, StagingConfig
from llmbatch.core.engine_settings import Accelerator, EngineSettings
from llmbatch.core.gateway_layout import batches_uri
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import (
    InputRecord,
    JobManifest,
    ModelRecord,
    OutputRecord,
    RowRecord,
    SlaRecord,
    TokenRecord,
)
from llmbatch.core.request_options import InputFormat, OutputFormat

FINISHED = datetime(2029, 12, 31, 12, tzinfo=UTC)


def openai_of(gateway: FakeGateway, user: str = "ada", role: str = "user") -> OpenAI:
    """Return the SDK as a user has it; it repeats no request."""
    return OpenAI(base_url="http://testserver/v1", api_key=f"{role}-{user}", http_client=gateway.client, max_retries=0)


def delivered_batch(
    gateway: FakeGateway,
    number: int = 1,
    owner: str = "ada",
    *,
    finished: datetime = FINISHED,
    output_format: OutputFormat = OutputFormat.OPENAI_BATCH,
    **files: bytes,
) -> str:
    """Put a finished job of a user with these delivered files: ``output``, ``output_00000``, ``errors``; return its id.

    A file without bytes is one without rows.
    """
    job_id = f"job-{number:016x}"
    spec = JobSpec(
        job_id=job_id, dag_id="llmbatch_inference", run_id=f"r{number}", root_uri=f"{BASE}/jobs/{job_id}",
        created_at=FINISHED, deadline=FINISHED, request=JobRequest(input_uri="s3://b/in.jsonl"),
        input_format=InputFormat.OPENAI_BATCH, output_format=output_format, output_uri=f"s3://b/out/{job_id}/",
        inputs=NO_INPUT, model_name="small", model_uri="hub/small", staging=StagingConfig(), owner=owner,
        engine=EngineSettings(accelerator=Accelerator.CPU), heartbeat=HeartbeatConfig(),
    )  # fmt: skip
    gateway.store.put(spec.layout.spec, spec.model_dump_json().encode())
    outputs = []
    for name, content in files.items():
        info = gateway.store.put(f"{spec.output_uri}{name.replace('_', '-')}.jsonl", content)
        outputs.append(OutputRecord(uri=info.uri, rows=content.count(b"\n"), etag=info.etag))
    manifest = JobManifest(
        job_id=job_id, model=ModelRecord(name="small", uri="hub/small"), versions={},
        input=InputRecord(uri="s3://b/in.jsonl", objects=(), rows=2), rows=RowRecord(input=2, succeeded=1, failed=1),
        missing=0, duplicates=0, tokens=TokenRecord(prompt=1, completion=1, cached=0), shards=(),
        outputs=tuple(outputs), timing={}, sla=SlaRecord(deadline=finished, finished_at=finished, met=True),
    )  # fmt: skip
    gateway.store.put(spec.layout.manifest, manifest.model_dump_json().encode())
    gateway.store.put(f"{batches_uri(BASE, owner)}batch_{number:016x}.json", b"{}")
    return job_id
