"""A published job and the earlier jobs whose rows it ran again."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from llmbatch.core.errors import ObjectMissing, SpecError, StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import JobManifest, ShardRecord, read_manifest
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.documents import read_spec
from llmbatch.orchestrator.jobs.result_shards import read_result


@dataclass(frozen=True)
class PublishedJob:
    """A job with its manifest."""

    spec: JobSpec
    proof: JobManifest

    @classmethod
    def read(cls, root_uri: str, store: ObjectStore) -> PublishedJob:
        """Return the job in a folder.

        Raises:
            ObjectMissing: it has no spec or no manifest.
            SpecError: the spec is not that job's.
            ForeignManifest: the manifest is not that job's.
        """
        spec = read_spec(root_uri, store)
        return cls(spec, read_manifest(spec.layout, store))

    @property
    def rows_to_retry(self) -> int:
        """Rows of the merged job that did not succeed and can run again; unreadable rows cannot."""
        rows = self.proof.rows
        return rows.failed + rows.expired + rows.cancelled - self.proof.input.invalid_rows

    def lost_result(self, store: ObjectStore) -> str | None:
        """Return the address of a result shard that is missing or differs from the manifest, else None."""
        etags = {info.uri: info.etag for info in store.list(self.spec.layout.results)}
        return next((shard.key for shard in self.proof.shards if etags.get(shard.key) != shard.etag), None)

    def result(self, shard: ShardRecord, store: ObjectStore) -> pa.Table:
        """Return the rows of one of its shards, ordered by row id."""
        table = read_result(store, shard.key)
        return table.take(pc.sort_indices(table, sort_keys=[("row_id", "ascending")]))


def lineage(root_uri: str, store: ObjectStore) -> tuple[PublishedJob, ...]:
    """Return the job in that folder and, before it, the jobs that it retried: the oldest first.

    Raises:
        SpecError: the spec of one of them is damaged, or one of them is its own ancestor.
        StoreError: one of them is missing, or a result differs from its manifest.
        ForeignManifest: the manifest of one of them is not its own.
    """
    jobs: list[PublishedJob] = []
    following: str | None = root_uri
    while following is not None:
        try:
            job = PublishedJob.read(following, store)
        except ObjectMissing as error:
            raise StoreError(f"{error}, and a retry needs it. Restore the job's folder from a backup.") from error
        lost = job.lost_result(store)
        if lost is not None:
            raise StoreError(
                f"{lost} is missing or differs from {job.spec.layout.manifest}, and a retry needs it. "
                "Restore it from a backup, or start a new job on the input."
            )
        jobs.append(job)
        following = job.spec.retry_of
        if following in {known.spec.root_uri for known in jobs}:
            raise SpecError(job.spec.layout.spec, f"retries {following}, which is a retry of it")
    return tuple(reversed(jobs))
