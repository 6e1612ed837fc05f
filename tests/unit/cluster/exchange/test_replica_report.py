"""Open work of several shards or replicas adds up."""

from __future__ import annotations

from dataclasses import fields

from llmbatch.cluster.exchange.length_work import LengthWork
from llmbatch.cluster.exchange.replica_report import OpenWork
from llmbatch.core.length_cells import LengthClass

KIND = LengthClass(10, 16)
COUNTS = [each.name for each in fields(OpenWork) if each.name != "lengths"]


def test_a_total_has_every_count_and_is_a_new_object() -> None:
    part = OpenWork(**{name: n for n, name in enumerate(COUNTS, 1)}, lengths={KIND: LengthWork(ended=4)})
    total = OpenWork.total(iter([part, part]))
    assert {name: getattr(total, name) for name in COUNTS} == {name: 2 * n for n, name in enumerate(COUNTS, 1)}
    assert total.lengths == {KIND: LengthWork(ended=8)}
    total.lengths[KIND].end()
    assert part.lengths[KIND].ended == 4


def test_a_total_of_nothing_is_empty() -> None:
    assert OpenWork.total([]) == OpenWork()
