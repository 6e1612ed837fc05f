"""The proof of a job without rows."""

from __future__ import annotations

from datetime import UTC, datetime

from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import InputRecord, JobManifest, ModelRecord, RowRecord, SlaRecord, TokenRecord
from llmbatch.core.store import ObjectStore

AT = datetime(2030, 1, 1, tzinfo=UTC)


def proof(job_id: str, finished_at: datetime = AT) -> JobManifest:
    return JobManifest(
        job_id=job_id,
        model=ModelRecord(name="m", uri="hub/m"),
        versions={},
        input=InputRecord(uri="s3://b/in.jsonl", objects=(), rows=0),
        rows=RowRecord(input=0, succeeded=0, failed=0),
        missing=0,
        duplicates=0,
        tokens=TokenRecord(prompt=0, completion=0, cached=0),
        shards=(),
        outputs=(),
        timing={},
        sla=SlaRecord(deadline=AT, finished_at=finished_at, met=True),
    )


def put_proof(store: ObjectStore, layout: JobLayout, job_id: str | None = None) -> None:
    """Put the proof of the folder's own job, or of another one, where the job's proof belongs."""
    store.put(layout.manifest, proof(job_id or layout.job_id).model_dump_json().encode())
