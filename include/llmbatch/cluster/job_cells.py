"""The rows of one generation by input length: what was staged, what is committed, what is open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from llmbatch.cluster.length_work import LengthWork
from llmbatch.core.length_cells import LengthCell
from llmbatch.core.length_sums import unpack
from llmbatch.core.shards import ShardTally, StagedShard


@dataclass(slots=True)
class _Sums:
    """Rows that were staged, and what those of committed shards came to."""

    rows: int = 0
    chars: int = 0
    ended: int = 0
    answered: int = 0
    tokens: int = 0
    tokens_squared: int = 0
    milliseconds: int = 0


class JobCells:
    """Sums over the shards of one generation, kept as shards are committed; open rows come and go with their replica.

    10 rows staged, of which a committed shard had 4 and a replica has answered 3 and runs 2: 7 ended, 2 run, 1 waits.
    """

    def __init__(self, shards: Iterable[StagedShard]) -> None:
        self._sums: defaultdict[int, _Sums] = defaultdict(_Sums)
        for shard in shards:
            for bucket, rows, chars in unpack(shard.lengths):
                sums = self._sums[bucket]
                sums.rows += rows
                sums.chars += chars

    def leave(self, shard: StagedShard) -> None:
        """Take out the rows of a shard that an earlier generation committed."""
        for bucket, rows, chars in unpack(shard.lengths):
            sums = self._sums[bucket]
            sums.rows -= rows
            sums.chars -= chars

    def commit(self, shard: StagedShard, tally: ShardTally) -> None:
        """Count a committed shard: all its rows have ended, and the tally tells of those that were answered."""
        for bucket, rows, _ in unpack(shard.lengths):
            self._sums[bucket].ended += rows
        for bucket, answered, tokens, tokens_squared, milliseconds in unpack(tally.lengths):
            sums = self._sums[bucket]
            sums.answered += answered
            sums.tokens += tokens
            sums.tokens_squared += tokens_squared
            sums.milliseconds += milliseconds

    def cells(self, open_: Mapping[int, LengthWork]) -> tuple[LengthCell, ...]:
        """Return the cells that have rows, short ones first.

        For a moment a shard may be in its tally and in its replica's last report: no more rows end or run than there
        are.
        """
        return tuple(
            _cell(bucket, sums, open_.get(bucket) or LengthWork())
            for bucket, sums in sorted(self._sums.items())
            if sums.rows
        )


def _cell(bucket: int, sums: _Sums, work: LengthWork) -> LengthCell:
    ended = min(sums.rows, sums.ended + work.ended)
    running = min(sums.rows - ended, work.running)
    share = running / work.running if work.running else 0.0
    return LengthCell(
        bucket=bucket,
        rows=sums.rows,
        chars=sums.chars,
        ended=ended,
        answered=min(ended, sums.answered + work.answered),
        tokens=sums.tokens + work.tokens,
        tokens_squared=sums.tokens_squared + work.tokens_squared,
        answered_seconds=round(sums.milliseconds / 1000 + work.seconds, 3),
        running=running,
        running_seconds=round(share * work.running_seconds, 3),
        running_seconds_squared=round(share * work.running_seconds_squared, 3),
    )
