"""The streams of a job that is cancelled and delivers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from fakes.stream_room import NOW, FakeStream, Room, some
from llmbatch.cluster.driver import streams as streams_module
from llmbatch.cluster.exchange.replica_report import Fatal
from llmbatch.cluster.exchange.scoreboard import Snapshot
from llmbatch.core.states import DesiredState, ExitReason, RowState

CANCEL = DesiredState.CANCEL


@pytest.fixture
def room(make: Any) -> Room:
    return Room(make, delivers=True)


def test_replicas_commit_what_has_begun_and_the_rest_is_left_to_the_driver(room: Room) -> None:
    course = room.run(
        room.control(desired=CANCEL, reason="changed plans"),
        room.shows(Snapshot(live=1, behind=1, open_shards=2)),
        lambda: (some(room), room.shows(Snapshot(live=1))())[0],
    )
    assert (course.rest, course.stop) == (RowState.CANCELLED, None)
    [stream] = room.opened
    assert stream.end_requested
    assert len(room.remaining()) == 3
    assert (room.heard[-1], room.cancels[-1]) == (DesiredState.RUN, True)
    assert (DesiredState.DRAIN, True) in zip(room.heard, room.cancels, strict=True)
    assert DesiredState.CANCEL not in room.heard  # a replica would abandon its open shards
    assert room.state.progress(1).message == "cancelled: changed plans; what is finished is delivered"


def test_replicas_have_time_to_commit_after_the_grace_time(room: Room) -> None:
    grace = room.job.spec.engine.drain_grace_seconds
    course = room.run(
        room.control(desired=CANCEL),
        room.shows(Snapshot(live=1, open_shards=1)),
        lambda: room.clock.advance(grace + 1),
        lambda: (some(room), room.shows(Snapshot(live=1))())[0],
    )
    assert course.rest is RowState.CANCELLED
    assert len(room.remaining()) == 3


def test_a_replica_that_does_not_commit_is_not_waited_for(room: Room) -> None:
    wait = room.job.spec.engine.drain_grace_seconds + streams_module.END_SECONDS
    busy = Snapshot(live=1, open_shards=1)
    course = room.run(
        room.control(desired=CANCEL),
        room.shows(busy),
        lambda: room.clock.advance(wait - 1),
        lambda: room.clock.advance(1),
    )
    assert course.rest is RowState.CANCELLED
    assert room.opened[0].end_requested


def test_a_cancel_during_a_pause_gives_the_replicas_their_time(room: Room) -> None:
    grace, busy = room.job.spec.engine.drain_grace_seconds, Snapshot(live=1, open_shards=1)
    course = room.run(
        room.control(paused=True),
        room.shows(busy),
        lambda: room.clock.advance(grace - 1),
        room.control(paused=True, desired=CANCEL),
        lambda: room.clock.advance(grace),
        lambda: (some(room), room.shows(Snapshot(live=1))())[0],
    )
    assert course.rest is RowState.CANCELLED
    assert len(room.remaining()) == 3


@pytest.mark.parametrize("paused", [True, False])
def test_a_cancel_from_before_the_start_starts_no_engine(room: Room, paused: bool) -> None:
    room.control(desired=CANCEL, paused=paused)()
    assert room.run().rest is RowState.CANCELLED
    assert (room.opened, room.state.paused) == ([], False)


def test_a_paused_job_can_be_cancelled(room: Room) -> None:
    room.snapshot = Snapshot()
    room.control(paused=True)()
    assert room.run(room.control(paused=True, desired=CANCEL)).rest is RowState.CANCELLED
    assert room.opened == []


@pytest.mark.parametrize(
    "snapshot",
    [Snapshot(), Snapshot(fatal=Fatal(ExitReason.ENGINE_START, "out of memory")), Snapshot(starts_without_commit=99)],
    ids=["loading", "does not start", "crashes"],
)
def test_without_a_replica_the_driver_ends_the_rows_at_once(room: Room, snapshot: Snapshot) -> None:
    room.snapshot = Snapshot()
    course = room.run(lambda: (room.control(desired=CANCEL)(), room.shows(snapshot)())[0])
    assert (course.rest, course.stop) == (RowState.CANCELLED, None)


def test_a_cancel_goes_before_the_deadline(make: Any) -> None:
    room = Room(make, delivers=True, expires_at=NOW + timedelta(seconds=60))
    room.snapshot = Snapshot()
    course = room.run(lambda: (room.control(desired=CANCEL)(), room.clock.advance(60))[0])
    assert course.rest is RowState.CANCELLED


def test_a_stream_that_fails_while_it_is_cancelled_leaves_its_rows_to_the_driver(room: Room) -> None:
    def fail() -> None:
        room.opened[-1].error = RuntimeError("broken")
        room.opened[-1].ended.set()

    course = room.run(room.control(desired=CANCEL), room.shows(Snapshot(live=1, open_shards=1)), fail)
    assert (course.rest, course.error) == (RowState.CANCELLED, None)


def test_a_cancel_after_the_last_commit_changes_nothing(room: Room) -> None:
    def finish() -> None:
        room.control(desired=CANCEL)()
        room.finish()

    course = room.run(finish)
    assert (course.rest, course.stop, course.error) == (None, None, None)


def test_a_cancel_that_is_withdrawn_lets_the_rest_run(room: Room) -> None:
    course = room.run(
        room.control(desired=CANCEL),
        room.shows(Snapshot(live=1, open_shards=1)),
        lambda: (some(room), room.control()(), room.shows(Snapshot(live=1))())[0],
        room.finish,
    )
    assert (course.rest, course.stop) == (None, None)
    assert len(room.opened) == 2
    assert room.cancels[-1] is False


def test_a_job_that_does_not_deliver_stops_at_once(make: Any) -> None:
    room = Room(make)
    course = room.run(room.control(desired=CANCEL))
    assert course.rest is None
    assert course.stop is not None
    assert course.stop.reason is ExitReason.CANCELLED
    assert CANCEL in room.heard


def test_a_stream_that_does_not_end_is_a_crash_and_not_a_loss(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeStream, "end", lambda self: None)
    course = room.run(
        room.control(desired=CANCEL), lambda: None, lambda: room.clock.advance(streams_module.END_SECONDS)
    )
    assert course.stop is not None
    assert course.stop.reason is ExitReason.CRASHED
