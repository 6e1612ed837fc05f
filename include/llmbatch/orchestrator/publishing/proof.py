"""``manifest.json``, the proof that every row of a job ended exactly once: build, create, load.

``create_proof`` is the only writer of the proof. It never replaces one, so that a published job stays as it was proved.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime

import pyarrow as pa
import pydantic

import llmbatch
from llmbatch.core.errors import ObjectExists, ObjectMissing
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import InputRecord, JobManifest, ModelRecord, OutputRecord, SlaRecord, read_manifest
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.history.cost import cost_of
from llmbatch.orchestrator.history.traces import levels_of, read_traces
from llmbatch.orchestrator.jobs.documents import read_inputs
from llmbatch.orchestrator.publishing.files import MANIFEST_COPY, output_uri
from llmbatch.orchestrator.publishing.reconcile import Reconciled

_log = logging.getLogger(__name__)


def build_proof(
    spec: JobSpec,
    store: ObjectStore,
    reconciled: Reconciled,
    outputs: Sequence[OutputRecord],
    *,
    timing: Mapping[str, float],
    finished_at: datetime,
    usd_per_gpu_hour: float | None,
) -> JobManifest:
    """Return the manifest of a delivered job. Writes nothing.

    Args:
        spec: the accepted job.
        store: where its traces and alerts are.
        reconciled: its proved rows.
        outputs: its delivered files.
        timing: seconds by phase.
        finished_at: the time that is compared with the deadline.
        usd_per_gpu_hour: price for the cost; None if it is not configured.

    Raises:
        StoreError: the store failed.
    """
    tokens = reconciled.tokens
    digests = reconciled.digests.get(spec.model_name, ())
    return JobManifest(
        job_id=spec.job_id,
        model=ModelRecord(name=spec.model_name, uri=spec.model_uri, digest=digests[0] if len(digests) == 1 else None),
        models=reconciled.models,
        digests=reconciled.digests,
        versions={
            "llmbatch": llmbatch.__version__,
            "pyarrow": pa.__version__,
            "pydantic": pydantic.VERSION,
            "python": platform.python_version(),
        },
        input=InputRecord(
            uri=spec.request.source_uri,
            objects=read_inputs(spec, store),
            rows=reconciled.rows.input,
            invalid_rows=reconciled.invalid_rows,
            ids_repeat=reconciled.ids_repeat,
            sampled_of=reconciled.sampled_of,
            columns_dropped=reconciled.columns_dropped,
        ),
        rows=reconciled.rows,
        missing=0,
        duplicates=0,
        tokens=tokens,
        shards=reconciled.shards,
        outputs=tuple(outputs),
        timing=dict(timing),
        sla=SlaRecord(
            deadline=spec.deadline,
            finished_at=finished_at,
            met=finished_at <= spec.deadline,
            levels=levels_of(spec, store, finished_at),
        ),
        cost=cost_of(
            spec.engine,
            read_traces(store, spec.layout),
            timing,
            tokens=tokens.prompt + tokens.completion if spec.retry_of is None else None,
            usd_per_gpu_hour=usd_per_gpu_hour,
        ),
        retry_of=spec.retry_of,
    )


def create_proof(spec: JobSpec, store: ObjectStore, manifest: JobManifest) -> JobManifest:
    """Write the copy beside the output, then create the proof; return the proof that is stored.

    If another process has created the proof, that one stays, is copied beside the output and is returned.

    Raises:
        StoreError: the store failed.
        ForeignManifest: the stored one is not this job's.
    """
    body = manifest.model_dump_json(indent=1).encode()
    copy = output_uri(spec, MANIFEST_COPY)
    store.put(copy, body)
    try:
        store.create(spec.layout.manifest, body)
    except ObjectExists:
        first = read_manifest(spec.layout, store)
        store.put(copy, store.get(spec.layout.manifest))
        return first
    _log.info("event=published job_id=%s rows=%d failed=%d", spec.job_id, manifest.rows.input, manifest.rows.failed)
    return manifest


def load_proof(spec: JobSpec, store: ObjectStore) -> JobManifest | None:
    """Return the proof of a published job, else None.

    Raises:
        StoreError: the store failed.
        ForeignManifest: the manifest there is not this job's.
    """
    try:
        return read_manifest(spec.layout, store)
    except ObjectMissing:
        return None
