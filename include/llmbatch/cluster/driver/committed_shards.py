"""Which shards of a job are committed, and their counters."""

from __future__ import annotations

from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.storage.job_context import JobContext
from llmbatch.cluster.storage.shard_table import read_tally
from llmbatch.core.store import ObjectInfo


def committed_shards(job: JobContext) -> dict[str, ObjectInfo]:
    """Return the committed objects by shard id; objects with other addresses are ignored. Raises ``StoreError``."""
    layout = job.layout
    found = ((layout.shard_of(item.uri), item) for item in job.store.list(layout.results))
    return {name: item for name, item in found if name is not None and item.uri == layout.result_shard(name)}


def count_committed(job: JobContext, state: JobState) -> dict[str, ObjectInfo]:
    """Return what is committed, and count the shards that no replica has reported.

    A replica may end between its commit and its next report: heartbeats count what the store holds.

    Raises:
        StoreError: the store failed, or an object is not a result shard.
    """
    committed = committed_shards(job)
    state.add_tallies([read_tally(job.store, committed[shard_id]) for shard_id in state.uncounted(committed)])
    return committed
