"""Sums of rows by length as text, by properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbatch.core.length_cells import LengthClass, class_of
from llmbatch.core.length_sums import AnswerSums, RowSums, pack_answers, pack_rows, unpack_answers, unpack_rows
from llmbatch.core.shards import ShardTally, StagedShard

SHARD = StagedShard(shard_id="shard-00000", rows=1, invalid_rows=0, input_chars=1, etag="e")
CLASSES = st.builds(LengthClass, st.integers(0, 60), st.integers(2, 48))


@given(st.dictionaries(CLASSES, st.tuples(st.integers(0, 10**6), st.integers(0, 10**12))))
def test_packed_sums_come_back_and_fit_a_shard(sums):
    sums = {kind: RowSums(*numbers, max_tokens=round(2 ** (kind.limit / 2))) for kind, numbers in sums.items()}
    text = pack_rows(sums)
    assert dict(unpack_rows(text)) == sums
    assert SHARD.model_copy(update={"lengths": text}) == StagedShard(**SHARD.model_dump() | {"lengths": text})


@pytest.mark.parametrize("text", ["13", "13:1:2", "13:1:2:-3", "13:1:2:3:4", "13:1:2:3,14:1:2:3", "x:1:2:3"])
def test_other_text_is_no_length_count(text):
    with pytest.raises(ValueError, match="lengths"):
        StagedShard(**SHARD.model_dump() | {"lengths": text})


def test_rows_without_output_tokens_fit_a_shard() -> None:
    sums = {class_of(1000, 0): RowSums(20, 20_000, 0)}
    assert dict(unpack_rows(pack_rows(sums))) == sums
    assert StagedShard(**SHARD.model_dump() | {"lengths": pack_rows(sums)}).lengths == "20:0:20:20000"


@given(st.dictionaries(CLASSES, st.builds(AnswerSums, *[st.integers(0, 10**12)] * 4)))
def test_packed_answers_come_back_and_fit_the_counters_of_a_shard(sums: dict[LengthClass, AnswerSums]) -> None:
    text = pack_answers(sums)
    assert dict(unpack_answers(text)) == sums
    tally = ShardTally(shard_id="shard-00000", generation=1, rows=1, succeeded=1, failed=0, lengths=text)
    assert ShardTally.model_validate_json(tally.model_dump_json()) == tally


def test_classes_are_packed_in_their_order() -> None:
    rows = {LengthClass(16, 12): RowSums(44, 11300, 64), LengthClass(13, 12): RowSums(20, 2210, 64)}
    assert pack_rows(rows) == "13:64:20:2210 16:64:44:11300"
