"""Deliver a finished job to another address, from its committed shards. Runs nothing again and leaves the proof."""

from __future__ import annotations

import tempfile
from pathlib import Path

from llmbatch.core.errors import ReconcileError, RequestError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import delivery_folder
from llmbatch.core.manifest import OutputRecord
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.lineage import lineage
from llmbatch.orchestrator.publishing.deliver import upload
from llmbatch.orchestrator.publishing.disk import within_space
from llmbatch.orchestrator.publishing.files import MANIFEST_COPY, output_uri
from llmbatch.orchestrator.publishing.kept import kept_columns
from llmbatch.orchestrator.publishing.latest import point_to_latest
from llmbatch.orchestrator.publishing.merge import merged_jobs
from llmbatch.orchestrator.publishing.proof import load_proof
from llmbatch.orchestrator.publishing.reconcile import write_files


def delivered_to(spec: JobSpec, target: str) -> JobSpec:
    """Return the job as if its request had this ``output_uri``: it delivers to ``<output_uri>/<job_id>/``."""
    request = spec.request.model_copy(update={"output_uri": target})
    return spec.model_copy(update={"request": request, "output_uri": delivery_folder(target, spec.job_id)})


def redeliver(spec: JobSpec, store: ObjectStore) -> tuple[OutputRecord, ...]:
    """Write the files of a finished job, a copy of its proof, and ``latest.json``; return the files.

    Staged rows are not needed: the committed shards are those that the proof names, by ETag, and the rows are counted
    and compared with it again. The input's own columns are staged with the rows, and are left out once they expired.

    Args:
        spec: the job with its new address, see ``delivered_to``; the caller has checked that.
        store: where the job and the new address are.

    Raises:
        RequestError: the job has not finished.
        ReconcileError: the rows are not those of the proof; nothing was delivered.
        ForeignManifest: the manifest there is not this job's.
        DiskFull: the local disk has no room for the files.
        StoreError: the store failed, or committed shards are lost.
    """
    proof = load_proof(spec, store)
    if proof is None:
        raise RequestError(
            "job_uri", f"{spec.root_uri} has no manifest.json: {spec.job_id} has not finished", "Wait for its end."
        )
    jobs = lineage(spec.root_uri, store)
    with tempfile.TemporaryDirectory(prefix="llmbatch-deliver-") as folder:
        with within_space(spec, Path(folder)):
            kept = kept_columns(jobs[0].spec, store, is_published=True)
            files, totals = write_files(
                spec, merged_jobs(jobs, store), kept, Path(folder), with_ids=not proof.input.ids_repeat
            )
        if totals.rows() != proof.rows:
            missing, more = (max(0, sign * (proof.rows.input - totals.rows().input)) for sign in (1, -1))
            raise ReconcileError(spec.job_id, missing, more, f"{totals.rows()!r}, not {proof.rows!r} as proved")
        outputs = upload(spec, store, files)
    store.put(output_uri(spec, MANIFEST_COPY), store.get(spec.layout.manifest))
    point_to_latest(spec, proof, store)
    return outputs
