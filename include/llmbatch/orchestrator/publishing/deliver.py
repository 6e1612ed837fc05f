"""Deliver a reconciled job: its dead letters into the job's folder, its output files to the output address."""

from __future__ import annotations

import logging
from collections.abc import Sequence, Set

import pyarrow as pa
import pyarrow.parquet as pq

from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import OutputRecord, ShardRecord
from llmbatch.core.read_ahead import in_order
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.result_shards import IN_FLIGHT, read_result, succeeded_and_rest
from llmbatch.orchestrator.publishing.files import NAMES, output_uri
from llmbatch.orchestrator.publishing.parts import Part, is_part
from llmbatch.orchestrator.publishing.reconcile import Reconciled

_log = logging.getLogger(__name__)


def deliver(spec: JobSpec, store: ObjectStore, reconciled: Reconciled) -> tuple[OutputRecord, ...]:
    """Write the dead letters and upload the output files; return the record of each file.

    A repeated call overwrites the objects with the same bytes. Parts of an earlier attempt that are not parts of this
    one are removed.

    Raises:
        StoreError: the store failed.
    """

    def dead_letters(shard: ShardRecord) -> None:
        _write_dead_letters(spec, store, shard)

    for _ in in_order(dead_letters, reconciled.dead, in_flight=IN_FLIGHT, name="dead-letters"):
        pass
    return upload(spec, store, reconciled.files)


def _write_dead_letters(spec: JobSpec, store: ObjectStore, shard: ShardRecord) -> None:
    """Copy the rows of a committed shard that did not succeed."""
    _, rest = succeeded_and_rest(read_result(store, shard.key))
    sink = pa.BufferOutputStream()
    pq.write_table(rest.replace_schema_metadata(None), sink, compression="zstd")
    store.put(spec.layout.failed_shard(shard.shard_id), bytes(sink.getvalue()))


def upload(spec: JobSpec, store: ObjectStore, files: Sequence[Part]) -> tuple[OutputRecord, ...]:
    """Write local files to the output address, and remove parts there that this attempt did not deliver."""
    outputs = tuple(_upload(spec, store, part) for part in files)
    _remove_stale(spec, store, {record.uri for record in outputs})
    return outputs


def _upload(spec: JobSpec, store: ObjectStore, part: Part) -> OutputRecord:
    info = store.upload(output_uri(spec, part.name), str(part.path))
    _log.info("event=delivered job_id=%s uri=%s rows=%d bytes=%d", spec.job_id, shown(info.uri), part.rows, info.size)
    return OutputRecord(uri=info.uri, rows=part.rows, etag=info.etag)


def _remove_stale(spec: JobSpec, store: ObjectStore, delivered: Set[str]) -> None:
    """Remove files of these names, whole or in parts, that this attempt did not deliver."""
    for whole in NAMES[spec.output_format]:
        for info in [*store.list(output_uri(spec, whole.partition(".")[0]))]:
            if info.uri not in delivered and is_part(info.uri.removeprefix(output_uri(spec, "")), whole):
                _log.warning("event=stale_part_removed job_id=%s uri=%s", spec.job_id, shown(info.uri))
                store.delete(info.uri)
