"""One stream after the other: pause, another model, bounds, and every way out in between."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from fakes.stream_room import NOW, FakeStream, Room, some
from llmbatch.cluster.driver import streams as streams_module
from llmbatch.cluster.exchange.replica_report import Fatal
from llmbatch.cluster.exchange.scoreboard import Snapshot
from llmbatch.core.control import ReplicaBounds
from llmbatch.core.states import DesiredState, ExitReason, RowState


@pytest.fixture
def room(make: Any) -> Room:
    return Room(make)


def test_an_undisturbed_job_is_one_stream(room: Room) -> None:
    course = room.run(room.finish)
    assert (course.stop, course.error, course.rest) == (None, None, None)
    [stream] = room.opened
    assert (stream.model, stream.bounds, stream.end_requested) == ("m1", [ReplicaBounds(min=1, max=1)], False)


def test_a_stream_that_ends_in_error_is_not_followed_by_another(room: Room) -> None:
    def fail() -> None:
        room.opened[-1].error = RuntimeError("broken")
        room.opened[-1].ended.set()

    assert str(room.run(fail).error) == "broken"
    assert len(room.opened) == 1


def test_bounds_reach_the_pool_and_the_heartbeat_and_go_back(room: Room) -> None:
    grow, shrink = ReplicaBounds(min=2, max=3), ReplicaBounds(min=1, max=1)
    idle = lambda: None  # noqa: E731 - a step in which nothing happens
    room.run(room.control(replicas=grow), idle, room.control(), idle, room.finish)
    assert room.opened[0].bounds == [shrink, grow, shrink]
    assert room.state.progress(1).replicas.wanted == 1


def test_bounds_that_hold_already_are_those_of_the_first_stream(room: Room) -> None:
    room.control(replicas=ReplicaBounds(min=2, max=3))()
    room.run(room.finish)
    assert room.opened[0].bounds == [ReplicaBounds(min=2, max=3)]
    assert room.state.progress(1).replicas.wanted == 3


def test_pause_lets_begun_shards_end_gives_the_engines_back_and_goes_on(room: Room) -> None:
    seen: list[tuple[str, bool]] = []
    course = room.run(
        room.control(paused=True, written_by="ann", reason="demo"),
        room.shows(Snapshot(live=1, behind=1, open_shards=2)),  # has not received the order yet
        room.shows(Snapshot(live=1, behind=0, open_shards=1)),
        lambda: (some(room), room.shows(Snapshot(live=1))())[0],
        lambda: seen.append((room.state.progress(1).message, room.state.progress(1).paused)),  # at rest now
        room.control(),
        room.finish,
    )
    assert course.stop is None
    first, second = room.opened
    assert first.end_requested
    assert [shard.shard_id for shard in second.shards] == ["shard-00001", "shard-00002", "shard-00003"]
    assert seen == [("paused by ann: demo", True)]
    assert (room.state.progress(1).message, room.state.progress(1).paused) == ("", False)
    assert room.forgotten >= 1
    assert DesiredState.DRAIN in room.heard
    assert room.heard[-1] is DesiredState.RUN


def test_a_pause_waits_no_longer_than_the_grace_time_for_a_slow_shard(room: Room) -> None:
    busy = Snapshot(live=1, open_shards=1)
    grace = room.job.spec.engine.drain_grace_seconds
    room.run(
        room.control(paused=True),
        room.shows(busy),
        lambda: room.clock.advance(grace - 1),
        lambda: room.clock.advance(1),
        room.control(),
        room.finish,
    )
    assert room.opened[0].end_requested
    assert len(room.opened[1].shards) == 4


def test_a_job_that_is_paused_before_it_starts_starts_no_engine(room: Room) -> None:
    room.control(paused=True)()
    room.run(lambda: None, lambda: None, room.control(), room.finish)
    assert len(room.opened) == 1


@pytest.mark.parametrize(
    ("desired", "reason"), [(DesiredState.DRAIN, ExitReason.DRAINED), (DesiredState.CANCEL, ExitReason.CANCELLED)]
)
def test_a_paused_job_can_be_drained_and_cancelled(room: Room, desired: DesiredState, reason: ExitReason) -> None:
    room.snapshot = Snapshot()
    room.control(paused=True)()
    course = room.run(room.control(paused=True, desired=desired))
    assert course.stop is not None
    assert course.stop.reason is reason
    assert room.opened == []


def test_a_paused_job_ends_at_its_deadline(make: Any) -> None:
    room = Room(make, expires_at=NOW + timedelta(seconds=60))
    room.control(paused=True)()
    assert room.run(lambda: room.clock.advance(59), lambda: room.clock.advance(1)).rest is RowState.EXPIRED


def test_a_job_without_replicas_ends_at_its_deadline(make: Any) -> None:
    room = Room(make, expires_at=NOW + timedelta(seconds=60))
    room.snapshot = Snapshot(live=0)
    assert room.run(lambda: room.clock.advance(60)).rest is RowState.EXPIRED


def test_another_model_takes_the_shards_that_have_not_begun(room: Room) -> None:
    room.run(
        room.control(model="m2"),
        room.shows(Snapshot(live=1, open_shards=1)),
        lambda: (some(room), room.shows(Snapshot(live=1))())[0],
        room.finish,
    )
    first, second = room.opened
    assert (first.model, second.model, len(second.shards)) == ("m1", "m2", 3)
    assert room.state.model_digest == "digest of m2"


def test_a_model_that_cannot_be_had_leaves_the_job_as_it_is(room: Room) -> None:
    room.missing_models = {"m2"}
    room.run(room.control(model="m2"), lambda: None, room.finish)
    [stream] = room.opened
    assert not stream.end_requested
    assert room.resolved == ["m2"]  # not again five times a second
    assert "there is no m2" in room.state.progress(1).message


def test_a_fallback_whose_engine_does_not_start_is_given_up_for_the_spec_s_model(room: Room) -> None:
    broken = Snapshot(fatal=Fatal(ExitReason.ENGINE_START, "out of memory"))
    course = room.run(
        room.control(model="m2"),
        room.shows(Snapshot(live=0)),
        room.shows(broken),
        lambda: None,
        room.finish,
    )
    assert course.stop is None
    assert [stream.model for stream in room.opened] == ["m1", "m2", "m1"]
    assert "m2 was requested and does not start, m1 answers: out of memory" in room.state.progress(1).message


def test_the_spec_s_own_model_that_does_not_start_ends_the_job(room: Room) -> None:
    course = room.run(room.shows(Snapshot(fatal=Fatal(ExitReason.ENGINE_START, "out of memory"))))
    assert course.stop is not None
    assert course.stop.reason is ExitReason.ENGINE_START


def test_a_stream_that_does_not_end_is_a_crash(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeStream, "end", lambda self: None)
    wait = lambda: room.clock.advance(streams_module.END_SECONDS)  # noqa: E731
    course = room.run(room.control(paused=True), lambda: None, wait)
    assert course.stop is not None
    assert course.stop.reason is ExitReason.CRASHED
