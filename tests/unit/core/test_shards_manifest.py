"""Shard and row arithmetic, by properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbatch.core.length_cells import LengthClass
from llmbatch.core.length_sums import RowSums, pack_rows, unpack_rows
from llmbatch.core.manifest import compare_row_ids
from llmbatch.core.shards import StagedShard, remaining_shards

SHARDS = [StagedShard(shard_id=f"shard-{i:05d}", rows=1, invalid_rows=0, input_chars=1, etag="e") for i in range(20)]


@given(st.sets(st.integers(0, 25)))
def test_remaining_is_the_complement_in_order(done):
    left = remaining_shards(SHARDS, {f"shard-{i:05d}" for i in done})
    assert [s.shard_id for s in left] == [s.shard_id for i, s in enumerate(SHARDS) if i not in done]


IDS = st.text("abcdef", min_size=1, max_size=1)


@given(st.sets(IDS), st.lists(IDS))
def test_comparison_counts_every_row_once(staged, committed):
    found = compare_row_ids(staged, committed)
    assert found.missing == len(staged - set(committed))
    assert len(committed) - found.duplicates == len(staged & set(committed))
    assert (found.example is None) == (found.missing == 0 and found.duplicates == 0)


def test_worked_example_of_the_docstring():
    found = compare_row_ids("abc", "aad")
    assert (found.missing, found.duplicates, found.example) == (2, 2, "b")


CLASSES = st.builds(LengthClass, st.integers(0, 60), st.integers(2, 40))


@given(st.dictionaries(CLASSES, st.tuples(st.integers(0, 10**6), st.integers(0, 10**12))))
def test_packed_sums_come_back_and_fit_a_shard(sums):
    sums = {kind: RowSums(*numbers, max_tokens=round(2 ** (kind.limit / 2))) for kind, numbers in sums.items()}
    text = pack_rows(sums)
    assert dict(unpack_rows(text)) == sums
    assert SHARDS[0].model_copy(update={"lengths": text}) == StagedShard(**SHARDS[0].model_dump() | {"lengths": text})


@pytest.mark.parametrize(
    "text", ["13", "13:1:2", "13:1:2:-3", "13:0:2:3", "13:1:2:3:4", "13:1:2:3,14:1:2:3", "x:1:2:3"]
)
def test_other_text_is_no_length_count(text):
    with pytest.raises(ValueError, match="lengths"):
        StagedShard(**SHARDS[0].model_dump() | {"lengths": text})


def test_a_shard_of_an_earlier_release_has_no_lengths():
    old = SHARDS[0].model_dump_json(exclude={"lengths"})
    assert StagedShard.model_validate_json(old).lengths == ""
