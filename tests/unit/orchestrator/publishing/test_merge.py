"""Merging results: every row once, in order, the newer one wins, and not more in memory than needed."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbatch.core.errors import ReconcileError
from llmbatch.core.identity import row_id_of
from llmbatch.orchestrator.publishing.merge import counted, overlaid

SCHEMA = pa.schema([("row_id", pa.string()), ("text", pa.string())])
JOB = "job-0000000000000001"


def tables(rows: list[tuple[int, str]], cuts: list[int]) -> Iterator[pa.Table]:
    """Cut the rows into tables of the given sizes, as often as needed."""
    start, sizes = 0, iter(cuts * (len(rows) + 1))
    while start < len(rows):
        part = rows[start : start + next(sizes)]
        columns = [[row_id_of(0, number) for number, _ in part], [text for _, text in part]]
        yield pa.Table.from_arrays([pa.array(column, pa.string()) for column in columns], schema=SCHEMA)
        start += len(part)


def rows_of(found: Iterator[pa.Table]) -> list[tuple[int, str]]:
    return [(int(row["row_id"].split("-")[1]), row["text"]) for table in found for row in table.to_pylist()]


numbers = st.sets(st.integers(1, 60), max_size=60)
cuts = st.lists(st.integers(1, 9), min_size=1, max_size=4)


@given(first=numbers, second=numbers, third=numbers, sizes=st.tuples(cuts, cuts, cuts))
def test_a_chain_is_merged_as_dictionaries_are(
    first: set[int], second: set[int], third: set[int], sizes: tuple[list[int], ...]
) -> None:
    jobs = [
        [(number, f"{name}{number}") for number in sorted(job)]
        for name, job in zip("abc", (first, second, third), strict=True)
    ]
    a, b, c = (tables(rows, size) for rows, size in zip(jobs, sizes, strict=True))
    expected: dict[int, str] = {}
    for job in jobs:
        expected.update(job)
    assert rows_of(overlaid(overlaid(a, b), c)) == sorted(expected.items())


@pytest.mark.parametrize(
    ("newer", "expected", "missing", "doubled"),
    [
        ([(2, "n"), (2, "n")], 4, 0, 1),
        ([(2, "n"), (9, "n")], 4, 0, 1),
        ([(0, "n")], 4, 0, 1),
        ([(2, "n")], 5, 1, 0),
    ],
    ids=["doubled", "foreign at the end", "foreign at the start", "missing"],
)
def test_the_whole_is_proved(newer: list[tuple[int, str]], expected: int, missing: int, doubled: int) -> None:
    base = [(number, "b") for number in range(1, 5)]
    whole = overlaid(tables(base, [2]), tables(newer, [1]))
    with pytest.raises(ReconcileError, match=JOB) as caught:
        rows_of(counted(JOB, whole, expected))
    assert (caught.value.missing, caught.value.duplicates) == (missing, doubled)


def test_rows_out_of_order_between_tables_are_no_proof() -> None:
    with pytest.raises(ReconcileError, match="occurs twice"):
        rows_of(counted(JOB, tables([(1, ""), (3, ""), (2, "")], [2]), 3))


def test_it_reads_no_further_than_it_must() -> None:
    pulled = {"base": 0, "newer": 0}

    def counted(name: str, source: Iterator[pa.Table]) -> Iterator[pa.Table]:
        for table in source:
            pulled[name] += 1
            yield table

    base = counted("base", tables([(number, "b") for number in range(1, 1001)], [10]))
    newer = counted("newer", tables([(number, "n") for number in range(1, 1001)], [5]))
    for done, _ in enumerate(overlaid(base, newer), start=1):
        assert pulled["base"] == done
        assert pulled["newer"] <= 2 * done + 1
    assert pulled == {"base": 100, "newer": 200}
