"""Counts of rows by length add up."""

from __future__ import annotations

from dataclasses import fields

from llmbatch.cluster.exchange.length_work import LengthWork, answers_of, merged
from llmbatch.core.length_cells import LengthClass
from llmbatch.core.length_sums import AnswerSums, unpack_answers

SHORT, LONG = LengthClass(10, 16), LengthClass(20, 16)
EVERY_FIELD = LengthWork(*range(1, len(fields(LengthWork)) + 1))


def test_rows_end_with_or_without_an_answer_and_run() -> None:
    work = LengthWork()
    work.end()
    work.answer(tokens=3, seconds=0.5)
    work.answer(tokens=4, seconds=1.0)
    work.run(2.0)
    assert work == LengthWork(3, 2, 7, 25, 1.5, 1, 2.0, 4.0)


def test_a_sum_has_all_fields_and_leaves_its_parts_as_they_are() -> None:
    parts = [{SHORT: EVERY_FIELD}, {SHORT: EVERY_FIELD, LONG: LengthWork(ended=1)}]
    total = merged(parts)
    assert total == {SHORT: LengthWork(*(2 * n for n in range(1, 9))), LONG: LengthWork(ended=1)}
    total[LONG].end()
    assert parts[1][LONG].ended == 1
    assert EVERY_FIELD.ended == 1


def test_a_tally_keeps_answered_rows_only_in_milliseconds() -> None:
    work = LengthWork(ended=3, answered=2, tokens=7, tokens_squared=25, seconds=1.2345)
    text = answers_of({LONG: LengthWork(ended=5), SHORT: work})
    assert dict(unpack_answers(text)) == {SHORT: AnswerSums(2, 7, 25, 1234)}
