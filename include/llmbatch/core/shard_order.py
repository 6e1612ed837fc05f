"""In which order shards run: what has run must speak for what has not, and the longest rows must not come last."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from llmbatch.core.shards import StagedShard

_LAST = 0.1


def running_order(job_id: str, shards: Iterable[StagedShard]) -> tuple[StagedShard, ...]:
    """Return the shards in the order in which they start: drawn by lot, the last tenth of the rows longest first.

    Input files are sorted more often than not. By lot, the rows that have ended are a sample of those that have not, so
    that the ETA need not guess how answers follow an input length that it has not seen. In the last tenth, long rows
    start first, so that the drain at the end is short. The lot is drawn from the names: every generation of a job has
    the same order. Results and deliveries keep the order of the input.
    """
    lots = sorted(shards, key=lambda shard: hashlib.sha256(f"{job_id}/{shard.shard_id}".encode()).digest())
    last = _LAST * sum(shard.rows for shard in lots)
    cut, rows = len(lots), 0
    while cut and rows + lots[cut - 1].rows <= last:
        cut -= 1
        rows += lots[cut].rows
    return (*lots[:cut], *sorted(lots[cut:], key=_chars_per_row, reverse=True))


def _chars_per_row(shard: StagedShard) -> float:
    return shard.input_chars / max(1, shard.rows)
