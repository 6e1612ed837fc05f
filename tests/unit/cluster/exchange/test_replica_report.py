"""Open work of several shards or replicas adds up."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import Any

from llmbatch.cluster.exchange.length_work import LengthWork
from llmbatch.cluster.exchange.replica_report import OpenWork
from llmbatch.core.length_cells import LengthClass
from llmbatch.core.states import ErrorClass

KIND = LengthClass(10, 16)
COUNTS = [each.name for each in fields(OpenWork) if each.name not in {"errors", "lengths"}]


def test_a_total_has_every_count_and_is_a_new_object() -> None:
    errors = Counter({ErrorClass.ENGINE: 2, ErrorClass.TIMEOUT: 1})
    counts: dict[str, Any] = {name: n for n, name in enumerate(COUNTS, 1)}
    part = OpenWork(**counts, errors=errors, lengths={KIND: LengthWork(ended=4)})
    total = OpenWork.total(iter([part, part]))
    assert {name: getattr(total, name) for name in COUNTS} == {name: 2 * n for n, name in enumerate(COUNTS, 1)}
    assert total.errors == {ErrorClass.ENGINE: 4, ErrorClass.TIMEOUT: 2}
    assert total.lengths == {KIND: LengthWork(ended=8)}
    total.lengths[KIND].end()
    assert part.lengths[KIND].ended == 4


def test_rows_that_begun_are_those_that_would_run_again() -> None:
    """Of 9 rows that reach engines, 2 run; 3 have expired or were cancelled, and 1 that is unreadable never runs."""
    work = OpenWork(
        running=2, succeeded=3, failed=2, expired=1, cancelled=2, lengths={KIND: LengthWork(ended=7, running=2)}
    )
    assert work.begun == 6


def test_a_total_of_nothing_is_empty() -> None:
    assert OpenWork.total([]) == OpenWork()
