"""Which rows of an engine run: the oldest ones, from when they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbatch.cluster.exchange.length_work import Lengths, LengthWork
from llmbatch.cluster.replica.slots import Slots
from llmbatch.core.clock import ManualClock
from llmbatch.core.length_cells import LengthClass
from llmbatch.core.progress import ReplicaShare


def kind(chars: int) -> LengthClass:
    return LengthClass(chars, 16)


def running(slots: Slots) -> dict[int, LengthWork]:
    lengths: Lengths = {}
    slots.add_running(lengths)
    return {each.chars: work for each, work in lengths.items()}


def test_a_row_beyond_the_slots_begins_when_another_leaves() -> None:
    clock = ManualClock()
    slots = Slots(2, clock)
    for row, bucket in (("a", 10), ("b", 12), ("c", 10)):
        slots.enter(row, kind(bucket), 100)
        clock.advance(1)
    assert slots.rows == ("a", "b", "c")
    assert running(slots) == {
        10: LengthWork(running=1, running_seconds=3, running_seconds_squared=9),
        12: LengthWork(running=1, running_seconds=2, running_seconds_squared=4),
    }
    assert slots.leave("a") == 3
    clock.advance(5)
    assert running(slots)[10] == LengthWork(running=1, running_seconds=5, running_seconds_squared=25)
    assert slots.leave("c") == 5


def test_a_row_that_leaves_before_its_turn_has_not_run_and_gives_nobody_a_turn() -> None:
    clock = ManualClock()
    slots = Slots(1, clock)
    for row in "abc":
        slots.enter(row, kind(1), 100)
    clock.advance(4)
    assert slots.leave("b") == 0
    assert running(slots)[1].running == 1
    assert slots.leave("a") == 4
    assert slots.leave("c") == 0
    assert running(slots) == {}


def test_pace_is_unknown_until_a_batch_is_answered_and_follows_the_last_ones() -> None:
    slots = Slots(4, ManualClock())
    for _ in range(3):
        slots.answered(100, 40, 10.0)
    assert slots.share(7) == ReplicaShare(left=7)
    slots.answered(100, 40, 10.0)
    first = slots.share(7)
    assert first.left == 7
    assert (first.pace, first.reading) == (pytest.approx(10), pytest.approx(4))
    for _ in range(8):
        slots.answered(100, 40, 100.0)
    share = slots.share(7)
    assert share.pace is not None
    assert share.reading is not None
    assert 1 < share.pace < 2
    assert share.reading == pytest.approx(0.4 * share.pace)


def test_answers_in_no_time_have_no_pace() -> None:
    slots = Slots(1, ManualClock())
    slots.answered(5, 9, 0.0)
    assert slots.share(0) == ReplicaShare()


@given(
    size=st.integers(1, 4),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(0, 9)), max_size=60),
)
def test_slots_hold_the_oldest_rows(size: int, steps: list[tuple[bool, int, int]]) -> None:
    """Against the definition: a row runs while fewer than ``size`` rows that are in the engine came before it."""
    clock, inside, began = ManualClock(), [], {}
    slots = Slots(size, clock)
    for number, (enters, which, seconds) in enumerate(steps):
        clock.advance(seconds)
        if enters or not inside:
            inside.append(number)
            slots.enter(str(number), kind(number % 3), 10 + number)
        else:
            row = inside.pop(which % len(inside))
            assert slots.leave(str(row)) == (clock.monotonic() - began.pop(row) if row in began else 0)
        for row in inside[:size]:
            began.setdefault(row, clock.monotonic())
        assert slots.prompt_chars == sum(10 + row for row in inside)
        ages = [(row % 3, clock.monotonic() - began[row]) for row in inside[:size]]
        assert running(slots) == {
            bucket: LengthWork(
                running=sum(each == bucket for each, _ in ages),
                running_seconds=sum(age for each, age in ages if each == bucket),
                running_seconds_squared=sum(age**2 for each, age in ages if each == bucket),
            )
            for bucket in {each for each, _ in ages}
        }
