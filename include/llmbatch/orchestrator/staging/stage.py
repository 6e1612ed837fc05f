"""Stage a job: stream its input (a retry: the rows to run again) into immutable, deterministic shards.

Everything is derived from the spec and the input, so a second attempt writes the same bytes under the same keys, and
the shards of an earlier attempt are kept. Memory is constant. ``staged/manifest.json`` is written last; with it,
staging is final.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from llmbatch.core.clock import Clock
from llmbatch.core.errors import ErrorRateExceeded, ObjectExists, RequestError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.rows import StagedRow
from llmbatch.core.shards import StagedManifest
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document
from llmbatch.orchestrator.inputs.keep import Keep
from llmbatch.orchestrator.inputs.prompt import RequestBuilder
from llmbatch.orchestrator.jobs.documents import read_inputs
from llmbatch.orchestrator.jobs.staged_shards import cut_shards, decode_shard, load_staged
from llmbatch.orchestrator.staging.kept import KeptColumns, ShardRows
from llmbatch.orchestrator.staging.retry import ids_repeated, rows_to_retry
from llmbatch.orchestrator.staging.rows import UniqueIds, staged_rows
from llmbatch.orchestrator.staging.sampled import RowSample
from llmbatch.orchestrator.staging.writer import ShardWriter

_log = logging.getLogger(__name__)


def stage(spec: JobSpec, store: ObjectStore, clock: Clock) -> StagedManifest:
    """Write the job's shards and their manifest; return the manifest at once if it is there.

    Raises:
        RequestError: an object cannot be read, or the input has no rows.
        InputChanged: an input object was replaced or deleted after the job was accepted.
        StagedConflict: a shard of an earlier attempt holds other rows.
        ErrorRateExceeded: too many rows are invalid; what was staged is kept for inspection.
    """
    manifest = load_staged(spec, store)
    if manifest is None:
        manifest = _write(spec, store, clock)
    else:
        _log.info("event=staged_already job_id=%s shards=%d rows=%d", spec.job_id, len(manifest.shards), manifest.rows)
    _check_error_rate(spec, store, manifest)
    return manifest


def input_rows(
    spec: JobSpec,
    store: ObjectStore,
    ids: UniqueIds | None = None,
    sample: RowSample | None = None,
    builder: RequestBuilder | None = None,
) -> Iterator[StagedRow]:
    """Yield every row of the job as it is staged, streaming; a sample once the whole input is read.

    ``ids`` says afterwards whether the ids of the input repeat, ``sample`` how many rows it has, ``builder`` how many
    rows named another model. A retry runs rows of the sample of the earlier job, and samples nothing.

    Raises:
        RequestError: an object cannot be read, or the input has no rows.
        InputChanged: an input object was replaced or deleted after the job was accepted.
        StoreError: the store failed, or rows of the retried job are missing.
    """
    if spec.retry_of is not None:
        rows = rows_to_retry(spec, spec.retry_of, store)
    else:
        objects = read_inputs(spec, store)
        rows = (ids or UniqueIds(spec)).checked(
            staged_rows(spec, objects, store, builder or RequestBuilder.of(spec)), objects
        )
        sample = sample or _sample_of(spec)
        rows = rows if sample is None else sample.of(rows)
    first = next(rows, None)
    if first is None:
        raise RequestError("input_uri", f"{spec.request.source_uri} holds no row", "Check the file or the prefix.")
    yield first
    yield from rows


def _sample_of(spec: JobSpec) -> RowSample | None:
    count = spec.request.sample_rows
    return None if count is None or spec.retry_of is not None else RowSample(count)


def _kept(spec: JobSpec, store: ObjectStore) -> KeptColumns | None:
    keep = Keep.of(spec)
    return None if keep is None else KeptColumns(spec, keep, read_inputs(spec, store), store)


def _write(spec: JobSpec, store: ObjectStore, clock: Clock) -> StagedManifest:
    started = clock.monotonic()
    ids, sample, builder = UniqueIds(spec), _sample_of(spec), RequestBuilder.of(spec)
    rows = input_rows(spec, store, ids, sample, builder)
    shards = cut_shards(rows, spec.staging.shard_rows, spec.staging.shard_bytes)
    kept = _kept(spec, store)
    written = tuple(
        ShardWriter(store, spec.layout).write_all(map(ShardRows, shards) if kept is None else kept.beside(shards))
    )
    if kept is not None:
        kept.write_schema()
    manifest = StagedManifest(
        job_id=spec.job_id,
        shards=written,
        ids_repeat=ids.repeats if spec.retry_of is None else ids_repeated(spec.retry_of, store),
        sampled_of=None if sample is None else sample.seen,
        columns=() if kept is None else kept.names,
        columns_dropped=0 if kept is None else kept.dropped,
        foreign_models=builder.models.foreign,
        seconds=clock.monotonic() - started,
    )
    if manifest.ids_repeat:
        _log.warning(
            "event=ids_repeat job_id=%s reason=%s",
            spec.job_id,
            "the column id holds a value twice, so rows are delivered without custom_id; name a column in id_column",
        )
    if manifest.foreign_models:
        _log.warning(
            "event=foreign_models job_id=%s rows=%d reason=%s",
            spec.job_id,
            manifest.foreign_models,
            f"rows of the input name another model, and {spec.model_name} answers them; strict_model fails them",
        )
    try:
        store.create(spec.layout.staged_manifest, manifest.model_dump_json(indent=1).encode())
    except ObjectExists:
        manifest = read_document(StagedManifest, store.get(spec.layout.staged_manifest))
    _log.info(
        "event=staged job_id=%s objects=%d shards=%d rows=%d invalid=%d seconds=%.2f",
        spec.job_id,
        spec.inputs.objects,
        len(manifest.shards),
        manifest.rows,
        manifest.invalid_rows,
        manifest.seconds,
    )
    return manifest


def _check_error_rate(spec: JobSpec, store: ObjectStore, manifest: StagedManifest) -> None:
    if manifest.invalid_rows <= spec.request.max_error_rate * manifest.rows:
        return
    first = next(shard for shard in manifest.shards if shard.invalid_rows)
    errors = decode_shard(store.get(spec.layout.staged_shard(first.shard_id)), ["error"])["error"]
    raise ErrorRateExceeded(
        manifest.invalid_rows, manifest.rows, spec.request.max_error_rate, errors.drop_null()[0].as_py()
    )
