"""Tables in input order, consumed by row id: how two sequences of rows are merged as streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc


class RowStream:
    """A stream of tables that is consumed by row id."""

    def __init__(self, tables: Iterable[pa.Table]) -> None:
        self._tables = iter(tables)
        self._front: pa.Table | None = None

    def up_to(self, row_id: str) -> Iterator[pa.Table]:
        """Take the rows up to and including this row id; exhaust it before the next call."""
        while True:
            front = self._front if self._front is not None else next(self._tables, None)
            if front is None:
                return
            rows = pc.sum(pc.less_equal(front["row_id"], row_id)).as_py() or 0
            self._front = front.slice(rows) if rows < front.num_rows else None
            if rows:
                yield front.slice(0, rows)
            if self._front is not None:
                return

    def rest(self) -> Iterator[pa.Table]:
        """Take the remaining tables."""
        if self._front is not None:
            yield self._front
        yield from self._tables
