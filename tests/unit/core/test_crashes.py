"""Who crashed the engine: from records of what was inside, to one proved row."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbatch.core.crashes import GROUP_ROWS, Crash, groups, suspect


def crash(rows: str) -> Crash:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return Crash(generation=1, replica_id="r", crashed_at=now, error="EngineDiedError", rows=tuple(rows))


@pytest.mark.parametrize(
    ("crashes", "poison", "suspects"),
    [
        ([], {}, {}),
        (["abc"], {}, {}),  # engines also die for other reasons
        (["abc", "abd"], {}, {"a": 16, "b": 16}),
        (["abc", "abd", "ab"], {}, {"a": 1, "b": 1}),
        (["abc", "abd", "ab", "b"], {"b": 4}, {}),  # b explains all of them
        (["abc", "cd", "b"], {"b": 2}, {}),
        (["abc", "cd", "cd", "b"], {"b": 2}, {"c": 16, "d": 16}),  # b explains the first only
        (["", "ab", "ab"], {}, {"a": 16, "b": 16}),
    ],
)
def test_table(crashes: list[str], poison: dict[str, int], suspects: dict[str, int]) -> None:
    found = suspect(map(crash, crashes))
    assert found.poison == poison
    held = {row: found.group_rows(row) for row in "abcd" if found.group_rows(row) is not None}
    assert held == suspects


def test_groups_are_small_then_single_and_keep_the_order() -> None:
    rows = [f"{n:02d}" for n in range(20)]
    found = suspect([crash("")] + [Crash(**{**crash("").model_dump(), "rows": tuple(rows)})] * 2)
    made = groups(rows, found)
    assert [len(group) for group in made] == [GROUP_ROWS, 4]
    assert [row for group in made for row in group] == rows


@given(st.sets(st.integers(0, 199), max_size=4), st.integers(0, 2**32), st.integers(1, 40))
def test_every_poison_row_is_found_and_nobody_else(poison: set[int], seed: int, window: int) -> None:
    """Run 200 rows through an engine that dies of some of them, as a replica would, until all rows have ended."""
    chance = random.Random(seed)
    left = [f"{n:03d}" for n in range(200)]
    bad = {f"{n:03d}" for n in poison}
    crashes: list[Crash] = []
    starts = 0
    while left:
        starts += 1
        assert starts <= 3 + 6 * len(bad)
        found = suspect(crashes)
        left = [row for row in left if row not in found.poison]
        held = groups(left, found)
        apart = {row for group in held for row in group}
        free = [row for row in left if row not in apart]
        batches = [free[i : i + window] for i in range(0, len(free), window)] + held
        for batch in batches:
            if bad & set(batch):
                inside = [row for row in batch if row in bad or chance.random() < 0.8]
                crashes.append(Crash(**{**crash("").model_dump(), "rows": tuple(inside)}))
                break
            left = [row for row in left if row not in batch]
    assert set(suspect(crashes).poison) <= bad
