"""The rows of one generation by length: what was staged, what is committed, what is open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from llmbatch.cluster.exchange.length_work import LengthWork, merged
from llmbatch.core.length_cells import LengthCell, LengthClass
from llmbatch.core.length_sums import unpack_answers, unpack_rows
from llmbatch.core.shards import ShardTally, StagedShard

MOST_CLASSES = 48
"""Length classes that a heartbeat carries; prompts of up to a million characters have 41 with one ``max_tokens``."""


@dataclass(slots=True)
class _Sums:
    """Rows that were staged, and what those of committed shards came to."""

    rows: int = 0
    chars: int = 0
    limit: int = 0
    ended: int = 0
    answered: int = 0
    tokens: int = 0
    tokens_squared: int = 0
    milliseconds: int = 0

    def stage(self, rows: int, chars: int, limit: int) -> None:
        """Add staged rows, each of which may have ``limit`` output tokens at most."""
        self.rows += rows
        self.chars += chars
        self.limit = max(self.limit, limit)


class JobCells:
    """Sums over the shards of one generation, kept as shards are committed; open rows come and go with their replica.

    10 rows staged, of which a committed shard had 4 and a replica has answered 3 and runs 2: 7 ended, 2 run, 1 waits.

    A job whose rows allow answers of so many lengths that a heartbeat would grow is counted by input length only.
    """

    def __init__(self, shards: Iterable[StagedShard]) -> None:
        found: defaultdict[LengthClass, _Sums] = defaultdict(_Sums)
        for shard in shards:
            for kind, (rows, chars, limit) in unpack_rows(shard.lengths):
                found[kind].stage(rows, chars, limit)
        self._by_limit = len(found) <= MOST_CLASSES
        self._sums: defaultdict[LengthClass, _Sums] = defaultdict(_Sums)
        for kind, each in found.items():
            self._sums[self._kept(kind)].stage(each.rows, each.chars, each.limit)

    def leave(self, shard: StagedShard) -> None:
        """Take out the rows of a shard that an earlier generation committed."""
        for kind, (rows, chars, _) in unpack_rows(shard.lengths):
            sums = self._sums[self._kept(kind)]
            sums.rows -= rows
            sums.chars -= chars

    def commit(self, shard: StagedShard, tally: ShardTally) -> None:
        """Count a committed shard: all its rows have ended; the tally sums those that were answered."""
        for kind, (rows, _, _) in unpack_rows(shard.lengths):
            self._sums[self._kept(kind)].ended += rows
        for kind, (answered, tokens, tokens_squared, milliseconds) in unpack_answers(tally.lengths):
            sums = self._sums[self._kept(kind)]
            sums.answered += answered
            sums.tokens += tokens
            sums.tokens_squared += tokens_squared
            sums.milliseconds += milliseconds

    def cells(self, open_: Mapping[LengthClass, LengthWork]) -> tuple[LengthCell, ...]:
        """Return the cells that have rows, short ones first.

        For a moment a shard may be in its tally and in its replica's last report: no more rows end or run than there
        are.
        """
        work = merged({self._kept(kind): each} for kind, each in open_.items())
        return tuple(
            _cell(kind, sums, work.get(kind) or LengthWork()) for kind, sums in sorted(self._sums.items()) if sums.rows
        )

    def _kept(self, kind: LengthClass) -> LengthClass:
        """Return the class that rows of this class are counted in."""
        return kind if self._by_limit else LengthClass(kind.chars, 0)


def _cell(kind: LengthClass, sums: _Sums, work: LengthWork) -> LengthCell:
    ended = min(sums.rows, sums.ended + work.ended)
    running = min(sums.rows - ended, work.running)
    share = running / work.running if work.running else 0.0
    return LengthCell(
        bucket=kind.chars,
        limit=sums.limit,
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
