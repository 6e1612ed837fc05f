"""The commit of a shard: one create-only object, written once per job."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.shard_table import read_tally, write_results
from llmbatch.core.claims import require_latest
from llmbatch.core.errors import ObjectExists
from llmbatch.core.rows import ResultRow
from llmbatch.core.shards import ShardTally

_log = logging.getLogger(__name__)


class ShardCommit:
    """Commits shards for one generation of a job. Safe to use from several threads."""

    def __init__(self, job: JobContext) -> None:
        self._job = job

    def commit(self, results: Sequence[ResultRow], tally: ShardTally) -> ShardTally:
        """Write the results of a shard, or keep those of another process that has committed it already.

        Args:
            results: outcomes of all rows of the shard, in input order.
            tally: their counters, stored with them.

        Returns:
            The tally of the committed object: ``tally``, or that of the other process.

        Raises:
            Superseded: a later generation has claimed the job; nothing was written.
            StoreError: the store failed, or the object under the shard's key is not a result shard.
        """
        job = self._job
        require_latest(job.store, job.layout, job.job_id, job.generation)
        uri = job.layout.result_shard(tally.shard_id)
        try:
            job.store.create(uri, write_results(results, tally))
        except ObjectExists:
            kept = read_tally(job.store, job.store.head(uri))
            _log.warning(
                "event=committed_already job_id=%s shard=%s by_generation=%d generation=%d",
                job.job_id,
                tally.shard_id,
                kept.generation,
                job.generation,
            )
            return kept
        return tally
