from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.alerting.turns import MOST_TRIES, SENDING, Turn, put_off, take_turn

NOW = datetime(2030, 1, 1, tzinfo=UTC)
URI = "s3://b/jobs/job-1/alerts/sending/red-1.sink"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def taken(store: MemoryStore, now: datetime) -> Turn:
    turn = take_turn(store, URI, now)
    assert turn is not None
    return turn


def test_one_process_sends_until_its_time_is_up(store: MemoryStore) -> None:
    assert taken(store, NOW).number == 1
    assert take_turn(store, URI, NOW + SENDING - timedelta(seconds=1)) is None
    assert taken(store, NOW + SENDING).number == 2


def test_the_next_attempt_is_due_after_the_pause(store: MemoryStore) -> None:
    put_off(store, taken(store, NOW), NOW)
    assert take_turn(store, URI, NOW + timedelta(seconds=4)) is None
    assert taken(store, NOW + timedelta(seconds=5)).number == 2


def test_an_attempt_that_was_taken_over_puts_nothing_off(store: MemoryStore) -> None:
    slow = taken(store, NOW)
    taken(store, NOW + SENDING)
    put_off(store, slow, NOW + SENDING)
    assert take_turn(store, URI, NOW + 2 * SENDING - timedelta(seconds=1)) is None


def test_pauses_grow_to_a_minute_and_the_last_attempt_is_known() -> None:
    turns = [Turn(URI, number, "etag") for number in range(1, MOST_TRIES + 1)]
    assert [turn.pause.total_seconds() for turn in turns[:6]] == [5, 10, 20, 40, 60, 60]
    assert turns[-1].pause == timedelta(seconds=60)
    assert [turn.is_last for turn in turns] == [False] * (MOST_TRIES - 1) + [True]
