"""Publish a job: prove that every input row ended exactly once, deliver the output, write ``manifest.json`` last.

Each input row is in exactly one delivered file: those that succeeded in the results, all others (failed, expired,
cancelled) in the failed file, which is delivered only if there are any. Nothing is delivered before the proof.

A retry proves its own rows like any job, and then the merged whole, which is what it delivers and counts; its dead
letters are the rows that it ran and that did not succeed again.
"""

from __future__ import annotations

import logging
import platform
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pydantic
from pydantic import ValidationError

import llmbatch
from llmbatch.core.clock import Clock
from llmbatch.core.errors import ObjectExists, ObjectMissing, StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import InputRecord, JobManifest, ModelRecord, OutputRecord, ShardRecord, SlaRecord
from llmbatch.core.progress import Progress
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.history.cost import cost_of
from llmbatch.orchestrator.history.traces import levels_of, read_traces
from llmbatch.orchestrator.jobs.lineage import lineage
from llmbatch.orchestrator.jobs.result_shards import read_result, succeeded_and_rest
from llmbatch.orchestrator.jobs.staged_shards import load_staged
from llmbatch.orchestrator.publishing.files import OutputFile, open_outputs
from llmbatch.orchestrator.publishing.merge import merged
from llmbatch.orchestrator.publishing.reconcile import CommittedShard, reconciled_shards
from llmbatch.orchestrator.publishing.totals import Totals

_log = logging.getLogger(__name__)


def publish(
    spec: JobSpec,
    store: ObjectStore,
    clock: Clock,
    timing: Mapping[str, float] | None = None,
    usd_per_gpu_hour: float | None = None,
) -> JobManifest:
    """Reconcile, deliver and prove; return the manifest at once if it is there.

    Args:
        spec: the accepted job.
        store: where the job's folder and its output are.
        clock: for the time of finishing and the seconds of this phase.
        timing: seconds of phases that only the caller knows; they win over those of the heartbeat.
        usd_per_gpu_hour: what the proof's cost is reckoned with; None if nobody has said it.

    Raises:
        ReconcileError: rows are missing or doubled; nothing was delivered.
        StoreError: the store failed, the job was never staged, or results of the job that it retries are lost.
    """
    done = load_published(spec, store)
    if done is not None:
        return done
    started = clock.monotonic()
    staged = load_staged(spec, store)
    if staged is None:
        raise StoreError(f"{spec.layout.staged_manifest} does not exist. Clear the task `stage`, then this one.")
    earlier = lineage(spec.retry_of, store) if spec.retry_of is not None else ()
    totals, records, dead = Totals(), list[ShardRecord](), list[ShardRecord]()
    tables = _noted(reconciled_shards(spec, store, staged), records, dead)
    if earlier:
        tables = merged(spec, earlier, tables, store)
    with tempfile.TemporaryDirectory(prefix="llmbatch-publish-") as folder:
        results, failed = open_outputs(spec, Path(folder))
        try:
            for table in tables:
                good, rest = succeeded_and_rest(table)
                results.append(good)
                failed.append(rest)
                totals.add(table)
        finally:
            results.close()
            failed.close()
        _write_dead_letters(spec, store, dead)
        outputs = tuple(_deliver(spec, store, file) for file in (results, failed) if file is results or file.rows)
    phases = {"stage": staged.seconds, **_phases(spec, store), **(timing or {})}
    traces, finished = read_traces(store, spec.layout), clock.now()
    tokens = totals.tokens()
    manifest = JobManifest(
        job_id=spec.job_id,
        model=ModelRecord(name=spec.model_name, uri=spec.model_uri),
        models=totals.models(),
        versions={
            "llmbatch": llmbatch.__version__,
            "pyarrow": pa.__version__,
            "pydantic": pydantic.VERSION,
            "python": platform.python_version(),
        },
        input=InputRecord(
            uri=spec.request.source_uri,
            objects=spec.objects,
            rows=totals.rows().input,
            invalid_rows=staged.invalid_rows + (earlier[-1].proof.input.invalid_rows if earlier else 0),
        ),
        rows=totals.rows(),
        missing=0,
        duplicates=0,
        tokens=tokens,
        shards=tuple(records),
        outputs=outputs,
        timing={**phases, "publish": clock.monotonic() - started},
        sla=SlaRecord(
            deadline=spec.deadline,
            finished_at=finished,
            met=finished <= spec.deadline,
            levels=levels_of(spec, store, finished),
        ),
        cost=cost_of(
            spec.engine,
            traces,
            phases,
            tokens=tokens.prompt + tokens.completion if spec.retry_of is None else None,
            usd_per_gpu_hour=usd_per_gpu_hour,
        ),
        retry_of=spec.retry_of,
    )
    return _prove(spec, store, manifest)


def load_published(spec: JobSpec, store: ObjectStore) -> JobManifest | None:
    """Return the proof of a finished job, else None."""
    try:
        return JobManifest.model_validate_json(store.get(spec.layout.manifest))
    except ObjectMissing:
        return None


def _noted(shards: Iterable[CommittedShard], records: list[ShardRecord], dead: list[ShardRecord]) -> Iterator[pa.Table]:
    """Pass the job's own tables on; note every shard, and those with rows that did not succeed."""
    for shard in shards:
        records.append(shard.record)
        if succeeded_and_rest(shard.table)[1].num_rows:
            dead.append(shard.record)
        yield shard.table


def _write_dead_letters(spec: JobSpec, store: ObjectStore, shards: Iterable[ShardRecord]) -> None:
    """Write the rows that did not succeed, shard by shard, out of the committed results."""
    for shard in shards:
        _, rest = succeeded_and_rest(read_result(store, shard.key))
        sink = pa.BufferOutputStream()
        pq.write_table(rest.replace_schema_metadata(None), sink, compression="zstd")
        store.put(spec.layout.failed_shard(shard.shard_id), bytes(sink.getvalue()))


def _deliver(spec: JobSpec, store: ObjectStore, file: OutputFile) -> OutputRecord:
    info = store.upload(_output_uri(spec, file.name), str(file.path))
    _log.info("event=delivered job_id=%s uri=%s rows=%d bytes=%d", spec.job_id, info.uri, file.rows, info.size)
    return OutputRecord(uri=info.uri, rows=file.rows, etag=info.etag)


def _output_uri(spec: JobSpec, name: str) -> str:
    return f"{spec.output_uri.rstrip('/')}/{name}"


def _phases(spec: JobSpec, store: ObjectStore) -> dict[str, float]:
    """Return the seconds per phase of the last heartbeat; none if it is missing or of another version."""
    try:
        return Progress.model_validate_json(store.get(spec.layout.progress)).seconds_phase
    except (ObjectMissing, ValidationError) as error:
        _log.warning("event=phases_unreadable job_id=%s reason=%s", spec.job_id, type(error).__name__)
        return {}


def _prove(spec: JobSpec, store: ObjectStore, manifest: JobManifest) -> JobManifest:
    """Write the copy beside the output, then the proof itself; the first proof of a job wins."""
    body = manifest.model_dump_json(indent=1).encode()
    store.put(_output_uri(spec, "manifest.json"), body)
    try:
        store.create(spec.layout.manifest, body)
    except ObjectExists:
        first = store.get(spec.layout.manifest)
        store.put(_output_uri(spec, "manifest.json"), first)
        return JobManifest.model_validate_json(first)
    _log.info("event=published job_id=%s rows=%d failed=%d", spec.job_id, manifest.rows.input, manifest.rows.failed)
    return manifest
