"""Rows are cut into shards in order, within the limits."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from llmbatch.core.identity import row_id_of
from llmbatch.core.rows import StagedRow
from llmbatch.orchestrator.jobs.staged_shards import cut_shards


@given(
    sizes=st.lists(st.integers(0, 400), max_size=200),
    max_rows=st.integers(1, 50),
    max_bytes=st.integers(100, 2000),
)
def test_every_row_in_exactly_one_shard_in_order(sizes: list[int], max_rows: int, max_bytes: int) -> None:
    rows = [
        StagedRow(row_id_of(0, line), None, line, "chat", "é" * size, 0, None, None, None)
        for line, size in enumerate(sizes)
    ]
    shards = list(cut_shards(iter(rows), max_rows, max_bytes))
    assert [row for shard in shards for row in shard] == rows
    for shard in shards:
        size = sum(2 * len(row.request) + 64 for row in shard)
        assert 1 <= len(shard) <= max_rows
        assert size <= max_bytes or len(shard) == 1
    for left, right in pairwise(shards):
        grown = sum(2 * len(row.request) + 64 for row in [*left, right[0]])
        assert len(left) == max_rows or grown > max_bytes
