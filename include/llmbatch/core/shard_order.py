"""The order in which shards run: a fair sample of the job at all times, and the longest rows not last."""

from __future__ import annotations

from collections.abc import Sequence

from llmbatch.core.shards import StagedShard

_RUNS = 64
_LAST = 0.1
_GOLDEN = (5**0.5 - 1) / 2


def running_order(staged: Sequence[StagedShard]) -> tuple[StagedShard, ...]:
    """Return all shards of a job, given in input order, in the order in which they start.

    Input files are sorted more often than not. The file is cut into 64 runs of neighbours, which share prompt prefixes;
    a run's turn is the fraction of its number times the golden ratio, so that at every moment the runs that have begun
    are spread evenly over the file and the ETA sees rows of every length early. In the last tenth of the rows, long
    ones start first, so that the drain at the end is short.

    Every generation has the same order. Results and deliveries keep that of the input.
    """
    size = -(-len(staged) // _RUNS) or 1
    turns = sorted(range(len(staged)), key=lambda n: (n // size * _GOLDEN % 1, n))
    spread = [staged[n] for n in turns]
    last = _LAST * sum(shard.rows for shard in spread)
    cut, rows = len(spread), 0
    while cut and rows + spread[cut - 1].rows <= last:
        cut -= 1
        rows += spread[cut].rows
    return (*spread[:cut], *sorted(spread[cut:], key=_chars_per_row, reverse=True))


def _chars_per_row(shard: StagedShard) -> float:
    return shard.input_chars / max(1, shard.rows)
