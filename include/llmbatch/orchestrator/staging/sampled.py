"""A sample of a job's rows: some of them, spread over the whole input, the same ones in every job on that input."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from operator import attrgetter

from llmbatch.core.rows import StagedRow


class RowSample:
    """Takes ``count`` rows of a stream, all of them if it has fewer, in one pass.

    Each row draws a number, the hash of its row id, and those with the lowest numbers are taken: every row is as likely
    as any other. The draw depends on nothing but the place of the row in the input, so a second attempt, a retry and a
    job with other settings take the same rows. Memory holds ``count`` rows.

    Attributes:
        seen: rows of the stream; known after the last one.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self.seen = 0

    def of(self, rows: Iterable[StagedRow]) -> Iterator[StagedRow]:
        """Return the sample in input order."""
        taken = heapq.nsmallest(self._count, self._counted(rows), key=_draw)
        return iter(sorted(taken, key=attrgetter("row_id")))

    def _counted(self, rows: Iterable[StagedRow]) -> Iterator[StagedRow]:
        for row in rows:
            self.seen += 1
            yield row


def _draw(row: StagedRow) -> bytes:
    return hashlib.blake2b(row.row_id.encode(), digest_size=16).digest()
