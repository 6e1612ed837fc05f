from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from llmbatch.core.read_ahead import in_order


def test_answers_come_in_order_whatever_ends_first() -> None:
    later = threading.Event()

    def slow_first(item: int) -> int:
        if item == 0:
            assert later.wait(60)
        elif item == 3:
            later.set()
        return item * 2

    assert list(in_order(slow_first, range(20), in_flight=6, name="t")) == [item * 2 for item in range(20)]


def test_no_more_items_are_taken_than_may_be_in_flight() -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(100):
            taken += 1
            yield item

    for done, _ in enumerate(in_order(str, items(), in_flight=5, name="t"), start=1):
        assert taken <= done + 4
    assert taken == 100


def test_an_error_comes_in_its_place_and_ends_it() -> None:
    def fails_at_two(item: int) -> int:
        if item == 2:
            raise ValueError("two")
        return item

    answers = in_order(fails_at_two, range(1000), in_flight=3, name="t")
    assert [next(answers), next(answers)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(answers)
    assert list(answers) == []


def test_no_thread_is_left_when_the_reader_stops_early() -> None:
    answers = in_order(str, range(1000), in_flight=3, name="early")
    assert next(answers) == "0"
    answers.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("early")]
