"""When a run stops before its last shard, and why."""

from __future__ import annotations

import pytest

from fakes.desk import Desk
from llmbatch.cluster.exchange.replica_report import Fatal, OpenWork
from llmbatch.cluster.exchange.scoreboard import Snapshot
from llmbatch.core.shards import ShardTally
from llmbatch.core.states import DesiredState, ExitReason


def test_more_replicas_may_fail_to_start_when_more_are_wanted(desk: Desk) -> None:
    desk.snapshot = Snapshot(starts_without_ready=8, starts_without_commit=8)
    desk.state.replicas_wanted = 8
    desk.heartbeat.beat()
    assert desk.stopping.reason() is None
    assert desk.written().replicas.wanted == 8


def test_drain_ends_when_begun_shards_have_ended_or_grace_is_over(desk: Desk) -> None:
    desk.control(DesiredState.DRAIN, "night shift")
    desk.snapshot = Snapshot(live=1, open_shards=2, behind=1)
    desk.heartbeat.beat()
    assert desk.stopping.reason() is None
    desk.snapshot = Snapshot(live=1, open_shards=0, behind=0)
    desk.heartbeat.beat()
    stop = desk.stopping.reason()
    assert stop is not None
    assert (stop.reason, stop.message) == (ExitReason.DRAINED, "drained: night shift")
    desk.snapshot = Snapshot(live=1, open_shards=2, behind=0)
    desk.heartbeat.beat()
    assert desk.stopping.reason() is None
    desk.clock.advance(desk.job.spec.engine.drain_grace_seconds)
    assert "2 shards were left unfinished" in str(desk.stopping.reason())


def test_signal_drains_with_the_time_that_ray_gives(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_JOB_STOP_WAIT_TIME_S", "12")
    desk.stopping.terminate()
    desk.snapshot = Snapshot(live=1, open_shards=2)
    desk.heartbeat.beat()
    assert desk.received == [DesiredState.DRAIN]
    desk.clock.advance(10.4)
    assert desk.stopping.reason() is None
    desk.clock.advance(0.2)
    stop = desk.stopping.reason()
    assert stop is not None
    assert stop.reason is ExitReason.INTERRUPTED
    assert not stop.reason.is_final  # no user requested it, so the next generation continues


def test_cancel_stops_at_once(desk: Desk) -> None:
    desk.control(DesiredState.CANCEL)
    desk.snapshot = Snapshot(live=1, open_shards=9, behind=1)
    desk.heartbeat.beat()
    stop = desk.stopping.reason()
    assert stop is not None
    assert stop.reason is ExitReason.CANCELLED


def test_a_cancelled_job_that_delivers_is_stopped_by_no_failure(make) -> None:
    desk = Desk(make, delivers=True)
    failing = OpenWork(failed=150)
    for snapshot in (
        Snapshot(fatal=Fatal(ExitReason.ENGINE_START, "no such file")),
        Snapshot(starts_without_ready=5, starts_without_commit=10),
        Snapshot(live=1, open=failing),
    ):
        desk.snapshot = snapshot
        desk.heartbeat.beat()
        assert desk.stopping.reason() is not None
    desk.control(DesiredState.CANCEL)
    for snapshot in (desk.snapshot, Snapshot(fatal=Fatal(ExitReason.ENGINE_START, "no such file"))):
        desk.snapshot = snapshot
        desk.heartbeat.beat()
        assert desk.stopping.reason() is None


def test_a_signal_ends_a_cancelled_job_that_delivers_for_the_next_generation(
    make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_JOB_STOP_WAIT_TIME_S", "12")
    desk = Desk(make, delivers=True)
    desk.control(DesiredState.CANCEL, "changed plans")
    desk.stopping.terminate()
    desk.snapshot = Snapshot(live=1, open_shards=2)
    desk.heartbeat.beat()
    assert desk.received == [DesiredState.DRAIN]
    assert desk.stopping.reason() is None
    desk.clock.advance(10.6)
    stop = desk.stopping.reason()
    assert stop is not None
    assert stop.reason is ExitReason.INTERRUPTED
    assert "changed plans" in stop.message


@pytest.mark.parametrize(
    ("ended", "failed", "stops"),
    [(99, 99, False), (100, 5, False), (100, 6, True), (200, 10, False), (200, 11, True)],
)
def test_error_rate_is_judged_once_enough_rows_were_seen(desk: Desk, ended: int, failed: int, stops: bool) -> None:
    desk.snapshot = Snapshot(open=OpenWork(succeeded=ended - failed, failed=failed), failed_example="row 7: invalid")
    desk.heartbeat.beat()
    stop = desk.stopping.reason()
    assert (stop is not None) is stops
    if stop is not None:
        assert stop.reason is ExitReason.ERROR_RATE
        assert "row 7" in stop.message


def test_a_small_job_is_judged_when_all_its_rows_have_ended(make) -> None:
    desk = Desk(make, rows=20)
    tally = ShardTally(shard_id="shard-00000", generation=1, rows=20, succeeded=18, failed=2)
    desk.snapshot = Snapshot(tallies=(tally,))
    desk.heartbeat.beat()
    stop = desk.stopping.reason()
    assert stop is not None
    assert stop.reason is ExitReason.ERROR_RATE


def test_engines_that_never_start_or_keep_dying_end_the_job(desk: Desk) -> None:
    cases = [
        (Snapshot(fatal=Fatal(ExitReason.ENGINE_START, "no such file")), ExitReason.ENGINE_START),
        (Snapshot(starts_without_ready=5), ExitReason.ENGINE_START),
        (Snapshot(starts_without_commit=10), ExitReason.CRASHED),
    ]
    for snapshot, reason in cases:
        desk.snapshot = snapshot
        desk.heartbeat.beat()
        stop = desk.stopping.reason()
        assert stop is not None
        assert stop.reason is reason
    desk.snapshot = Snapshot(starts_without_ready=4, starts_without_commit=4)
    desk.heartbeat.beat()
    assert desk.stopping.reason() is None
