"""Publish a job in three steps: reconcile its rows, deliver its files, create its proof ``manifest.json``.

Each input row is in exactly one delivered file: succeeded rows in the results, all other rows (failed, expired,
cancelled) in the failed file, which is delivered only if it has rows. In OpenAI's format the results are, too. Nothing
is delivered before the rows are reconciled.

A retry reconciles its own rows like any job. Then it merges them with the rows of its earlier jobs, and delivers and
counts the merged rows. Its dead letters are the rows that it ran and that did not succeed again.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from llmbatch.core.clock import Clock
from llmbatch.core.errors import ObjectMissing, StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import JobManifest
from llmbatch.core.progress import Progress
from llmbatch.core.shards import StagedManifest
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document
from llmbatch.orchestrator.jobs.staged_shards import load_staged
from llmbatch.orchestrator.publishing.deliver import deliver
from llmbatch.orchestrator.publishing.latest import point_to_latest
from llmbatch.orchestrator.publishing.proof import build_proof, create_proof, load_proof
from llmbatch.orchestrator.publishing.reconcile import reconcile

_log = logging.getLogger(__name__)


def publish(
    spec: JobSpec,
    store: ObjectStore,
    clock: Clock,
    timing: Mapping[str, float] | None = None,
    usd_per_gpu_hour: float | None = None,
) -> JobManifest:
    """Publish the job, let ``latest.json`` name it, and return its manifest; a proof that exists stays as it is.

    Args:
        spec: the accepted job.
        store: where the job's folder and its output are.
        clock: for the time of finishing and the seconds of this phase.
        timing: seconds of phases that only the caller can measure; they override those of the heartbeat.
        usd_per_gpu_hour: price for the manifest's cost; None if it is not configured.

    Raises:
        DiskFull: the local disk has no room for the results; nothing was delivered.
        ReconcileError: rows are missing or duplicated; nothing was delivered.
        ForeignManifest: the manifest there is not this job's; nothing was delivered.
        StoreError: the store failed, the job was never staged, or results of the job that it retries are lost.
    """
    proof = load_proof(spec, store) or _proved(spec, store, clock, timing or {}, usd_per_gpu_hour)
    point_to_latest(spec, proof, store)
    return proof


def _proved(
    spec: JobSpec, store: ObjectStore, clock: Clock, timing: Mapping[str, float], usd_per_gpu_hour: float | None
) -> JobManifest:
    started = clock.monotonic()
    staged = _staged(spec, store)
    with tempfile.TemporaryDirectory(prefix="llmbatch-publish-") as folder:
        reconciled = reconcile(spec, store, staged, Path(folder))
        outputs = deliver(spec, store, reconciled)
    phases = {"stage": staged.seconds, **_heartbeat_phases(spec, store), **timing}
    manifest = build_proof(
        spec,
        store,
        reconciled,
        outputs,
        timing={**phases, "publish": clock.monotonic() - started},
        finished_at=clock.now(),
        usd_per_gpu_hour=usd_per_gpu_hour,
    )
    return create_proof(spec, store, manifest)


def _staged(spec: JobSpec, store: ObjectStore) -> StagedManifest:
    staged = load_staged(spec, store)
    if staged is None:
        raise StoreError(f"{spec.layout.staged_manifest} does not exist. Clear the task `stage`, then this one.")
    return staged


def _heartbeat_phases(spec: JobSpec, store: ObjectStore) -> dict[str, float]:
    """Return the seconds by phase of the last heartbeat; none if it is missing or of another version."""
    try:
        return read_document(Progress, store.get(spec.layout.progress)).seconds_phase
    except (ObjectMissing, ValidationError) as error:
        _log.warning("event=phases_unreadable job_id=%s reason=%s", spec.job_id, type(error).__name__)
        return {}
