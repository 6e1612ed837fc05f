"""The order in which shards start: a lot that every generation draws alike, long rows first at the end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llmbatch.core.shard_order import running_order
from llmbatch.core.shards import StagedShard


def shard(number: int, rows: int, chars: int) -> StagedShard:
    return StagedShard(shard_id=f"shard-{number:05d}", rows=rows, invalid_rows=0, input_chars=rows * chars, etag="e")


def sorted_file(count: int) -> list[StagedShard]:
    """A file that was sorted by length: each shard's rows are longer than those of the one before."""
    return [shard(n, 64, 10 * (n + 1)) for n in range(count)]


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 5000)), max_size=50),
    st.sets(st.integers(0, 49)),
)
def test_every_shard_runs_once(parts: list[tuple[int, int]], committed: set[int]) -> None:
    left = [shard(n, rows, chars) for n, (rows, chars) in enumerate(parts) if n not in committed]
    ordered = running_order("job-1", left)
    assert sorted(each.shard_id for each in ordered) == [each.shard_id for each in left]
    assert running_order("job-1", reversed(left)) == ordered


def test_what_has_run_speaks_for_what_has_not() -> None:
    """A quarter of a sorted file, run in its order, would be 38 % as long as the mean."""
    for job in ("job-1", "job-2", "job-3"):
        begun = running_order(job, sorted_file(400))[:100]
        mean = sum(each.input_chars for each in begun) / sum(each.rows for each in begun)
        assert 0.85 < mean / 2005 < 1.15


def test_another_job_draws_another_lot() -> None:
    assert running_order("job-1", sorted_file(50)) != running_order("job-2", sorted_file(50))


def test_a_later_generation_keeps_the_order() -> None:
    whole = running_order("job-1", sorted_file(100))
    rest = running_order("job-1", [each for each in sorted_file(100) if each not in whole[:40]])
    assert [each for each in rest if each in whole[:90]] == list(whole[40:90])


def test_in_the_last_tenth_of_the_rows_long_ones_start_first() -> None:
    last = running_order("job-1", sorted_file(100))[-10:]
    assert list(last) == sorted(last, key=lambda each: each.input_chars, reverse=True)
    before = running_order("job-1", sorted_file(100))[-20:]
    assert list(before) != sorted(before, key=lambda each: each.input_chars, reverse=True)
