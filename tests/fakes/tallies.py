"""Counters of committed shards."""

from __future__ import annotations

from llmbatch.core.shards import ShardTally


def tally(number: int, succeeded: int = 10, failed: int = 0) -> ShardTally:
    return ShardTally(
        shard_id=f"shard-{number:05d}",
        generation=1,
        rows=succeeded + failed,
        succeeded=succeeded,
        failed=failed,
        prompt_tokens=100,
        completion_tokens=50,
    )
