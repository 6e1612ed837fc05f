"""Deliver a reconciled job: its dead letters into the job's folder, its output files to the output address."""

from __future__ import annotations

import logging

import pyarrow as pa
import pyarrow.parquet as pq

from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import OutputRecord, ShardRecord
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.result_shards import read_result, succeeded_and_rest
from llmbatch.orchestrator.publishing.files import OutputFile, output_uri
from llmbatch.orchestrator.publishing.reconcile import Reconciled

_log = logging.getLogger(__name__)


def deliver(spec: JobSpec, store: ObjectStore, reconciled: Reconciled) -> tuple[OutputRecord, ...]:
    """Write the dead letters and upload the output files; return the record of each file.

    A repeated call overwrites the objects with the same bytes.

    Raises:
        StoreError: the store failed.
    """
    for shard in reconciled.dead:
        _write_dead_letters(spec, store, shard)
    return tuple(upload(spec, store, file) for file in reconciled.files)


def _write_dead_letters(spec: JobSpec, store: ObjectStore, shard: ShardRecord) -> None:
    """Copy the rows of a committed shard that did not succeed."""
    _, rest = succeeded_and_rest(read_result(store, shard.key))
    sink = pa.BufferOutputStream()
    pq.write_table(rest.replace_schema_metadata(None), sink, compression="zstd")
    store.put(spec.layout.failed_shard(shard.shard_id), bytes(sink.getvalue()))


def upload(spec: JobSpec, store: ObjectStore, file: OutputFile) -> OutputRecord:
    """Write one local file to the output address."""
    info = store.upload(output_uri(spec, file.name), str(file.path))
    _log.info("event=delivered job_id=%s uri=%s rows=%d bytes=%d", spec.job_id, info.uri, file.rows, info.size)
    return OutputRecord(uri=info.uri, rows=file.rows, etag=info.etag)
