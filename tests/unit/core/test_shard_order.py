"""The order in which shards start: evenly over the file, neighbours together, long rows first at the end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbatch.core.shard_order import running_order
from llmbatch.core.shards import StagedShard, remaining_shards


def shard(number: int, rows: int, chars: int) -> StagedShard:
    return StagedShard(shard_id=f"shard-{number:05d}", rows=rows, invalid_rows=0, input_chars=rows * chars, etag="e")


def mean_chars(shards: Sequence[StagedShard]) -> float:
    return sum(each.input_chars for each in shards) / sum(each.rows for each in shards)


def longest_first(shards: Sequence[StagedShard]) -> list[StagedShard]:
    return sorted(shards, key=lambda each: each.input_chars, reverse=True)


def sorted_file(count: int) -> list[StagedShard]:
    """A file that was sorted by length: each shard's rows are longer than those of the one before."""
    return [shard(n, 64, 10 * (n + 1)) for n in range(count)]


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 5000)), max_size=300))
def test_every_shard_runs_once(parts: list[tuple[int, int]]) -> None:
    staged = [shard(n, rows, chars) for n, (rows, chars) in enumerate(parts)]
    assert sorted(each.shard_id for each in running_order(staged)) == [each.shard_id for each in staged]


@pytest.mark.parametrize("count", [40, 64, 400, 5000])
@pytest.mark.parametrize("part", [0.25, 0.5, 0.75])
def test_what_has_run_speaks_for_what_has_not(count: int, part: float) -> None:
    """A quarter of a sorted file, run in its order, would be a quarter as long as the mean."""
    staged = sorted_file(count)
    begun = running_order(staged)[: int(part * count)]
    assert mean_chars(begun) / mean_chars(staged) == pytest.approx(1, abs=0.12)


def test_neighbours_run_together() -> None:
    """They share prompt prefixes: of 6400 shards, a hundred in a row."""
    numbers = [int(each.shard_id[-5:]) for each in running_order(sorted_file(6400))[:5700]]
    assert sum(later - earlier == 1 for earlier, later in pairwise(numbers)) >= 0.98 * len(numbers)


def test_a_later_generation_keeps_the_order() -> None:
    ordered = running_order(sorted_file(100))
    done = {each.shard_id for each in ordered[::3]}
    assert remaining_shards(ordered, done) == tuple(each for each in ordered if each.shard_id not in done)


def test_in_the_last_tenth_of_the_rows_long_ones_start_first() -> None:
    ordered = running_order(sorted_file(100))
    assert list(ordered[-10:]) == longest_first(ordered[-10:])
    assert list(ordered[-20:-10]) != longest_first(ordered[-20:-10])
