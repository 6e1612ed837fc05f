"""Heartbeats of drivers whose clock differs from the reader's, and from the store's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fakes.clocks import AdjustableClock
from llmbatch.core.clock import ManualClock
from llmbatch.core.heartbeat import Heartbeat, Pulse, fetch_heartbeat, read_heartbeat
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import Progress, RowCounts, ShardCounts
from llmbatch.core.states import Phase
from llmbatch.core.store import MemoryStore

LAYOUT = JobLayout("s3://b/jobs/job-1")
NOW = datetime(2030, 1, 1, tzinfo=UTC)
SKEWS = [0, 65, -65, 3600, -3600]


def beat(written_at: datetime, sequence: int = 1, generation: int = 1) -> Progress:
    return Progress(
        job_id="job-1",
        generation=generation,
        sequence=sequence,
        phase=Phase.WORK,
        written_at=written_at,
        started_at=NOW,
        rows=RowCounts(total=10),
        shards=ShardCounts(total=1),
    )


class Room:
    """A driver, a store and a reader, each with a clock of its own."""

    def __init__(self, driver_ahead: float = 0, store_ahead: float = 0) -> None:
        self.reader = AdjustableClock(NOW)
        self.driver = ManualClock(NOW + timedelta(seconds=driver_ahead))
        self.stored = ManualClock(NOW + timedelta(seconds=store_ahead))
        self.store = MemoryStore(self.stored)
        self.sequence = 0

    def advance(self, seconds: float) -> None:
        for clock in (self.reader, self.driver, self.stored):
            clock.advance(seconds)

    def write(self) -> None:
        self.sequence += 1
        self.store.put(LAYOUT.progress, beat(self.driver.now(), self.sequence).model_dump_json().encode())

    def fetch(self) -> Heartbeat:
        found = fetch_heartbeat(self.store, LAYOUT)
        assert found is not None
        return found


def test_there_is_none_before_the_first() -> None:
    assert fetch_heartbeat(MemoryStore(), LAYOUT) is None
    assert read_heartbeat(MemoryStore(), LAYOUT, NOW) is None


@pytest.mark.parametrize("store_ahead", SKEWS)
@pytest.mark.parametrize("driver_ahead", SKEWS)
def test_one_read_gives_the_age_by_the_store(driver_ahead: float, store_ahead: float) -> None:
    room = Room(driver_ahead, store_ahead)
    room.write()
    room.advance(7)
    found = read_heartbeat(room.store, LAYOUT, room.reader.now())
    assert found is not None
    assert found.age(room.reader.now()) == 7


@pytest.mark.parametrize("store_ahead", SKEWS)
@pytest.mark.parametrize("driver_ahead", SKEWS)
def test_repeated_reads_give_the_age_since_the_change(driver_ahead: float, store_ahead: float) -> None:
    room = Room(driver_ahead, store_ahead)
    pulse = Pulse(room.reader)
    ages = []
    for is_written in (True, False, True, False, False):
        if is_written:
            room.write()
        room.advance(2)
        ages.append(pulse.date(room.fetch()).age(room.reader.now()))
    assert ages == [2, 4, 2, 4, 6]


def test_a_change_is_not_older_than_the_last_read_whatever_the_store_reports() -> None:
    room = Room()
    pulse = Pulse(room.reader)
    pulse.date(Heartbeat(beat(NOW, 1), 0))
    room.advance(3)
    assert pulse.date(Heartbeat(beat(NOW, 2), 500)).age(room.reader.now()) == 3
    room.advance(3)
    assert pulse.date(Heartbeat(beat(NOW, 1, generation=2), -500)).age(room.reader.now()) == 0


def test_the_first_heartbeat_of_the_next_generation_is_a_change() -> None:
    room = Room()
    pulse = Pulse(room.reader)
    pulse.date(Heartbeat(beat(NOW, 1, generation=1), 0))
    room.advance(90)
    pulse.date(Heartbeat(beat(NOW, 1, generation=1), 90))
    room.advance(2)
    assert pulse.date(Heartbeat(beat(NOW, 1, generation=2), 1)).age(room.reader.now()) == 1


def test_a_reader_whose_clock_is_set_back_goes_by_its_monotonic_one() -> None:
    room = Room()
    pulse = Pulse(room.reader)
    room.write()
    pulse.date(room.fetch())
    room.advance(10)
    room.reader.set_back(3600)
    assert pulse.date(room.fetch()).age(room.reader.now()) == 10


def test_a_store_that_reports_no_time_leaves_the_writer_s() -> None:
    store = MemoryStore()
    written = beat(NOW - timedelta(seconds=9))
    store.objects[LAYOUT.progress] = written.model_dump_json().encode()
    assert read_heartbeat(store, LAYOUT, NOW) == written
    found = fetch_heartbeat(store, LAYOUT)
    assert found is not None
    assert Pulse(ManualClock(NOW)).date(found) == written


@pytest.mark.parametrize("ahead", [61, -61, 3600, -3600])
def test_a_skew_is_reported_once(ahead: float, caplog: pytest.LogCaptureFixture) -> None:
    room = Room(ahead)
    pulse = Pulse(room.reader)
    for _ in range(3):
        room.write()
        pulse.date(room.fetch())
        room.advance(2)
    assert caplog.text.count("event=clock_skew job_id=job-1") == 1
    assert f"driver_ahead_s={ahead}" in caplog.text
    caplog.clear()
    read_heartbeat(room.store, LAYOUT, room.reader.now())
    assert caplog.text.count("event=clock_skew") == 1


def test_a_small_difference_and_a_job_that_stopped_are_not_a_skew(caplog: pytest.LogCaptureFixture) -> None:
    room = Room(driver_ahead=30)
    pulse = Pulse(room.reader)
    room.write()
    for _ in range(3):
        room.advance(3600)
        pulse.date(room.fetch())
        read_heartbeat(room.store, LAYOUT, room.reader.now())
    assert "clock_skew" not in caplog.text
