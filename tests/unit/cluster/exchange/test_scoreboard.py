"""Arithmetic of the scoreboard."""

from __future__ import annotations

from fakes.tallies import tally
from llmbatch.cluster.exchange.length_work import LengthWork
from llmbatch.cluster.exchange.replica_report import (
    MOST_SHARDS,
    Fatal,
    LostReplica,
    OpenWork,
    Orders,
    ReplicaReport,
)
from llmbatch.cluster.exchange.scoreboard import REPLICA_SILENT_SECONDS, Scoreboard
from llmbatch.core.clock import ManualClock
from llmbatch.core.length_cells import LengthClass
from llmbatch.core.progress import EngineUse, Flight, StoreUse
from llmbatch.core.states import DesiredState, ExitReason


def test_silent_replica_counts_no_open_rows() -> None:
    clock = ManualClock()
    board = Scoreboard(clock)
    board.report(ReplicaReport("a", ready=True, open=OpenWork(succeeded=40)))
    clock.advance(REPLICA_SILENT_SECONDS)
    board.report(ReplicaReport("b", ready=True, open=OpenWork(succeeded=10)))
    assert board.beat(Orders()).open.succeeded == 50
    clock.advance(1)
    snapshot = board.beat(Orders())
    assert (snapshot.open.succeeded, snapshot.live) == (10, 1)


def test_a_shard_counts_once_and_is_sent_once() -> None:
    board = Scoreboard(ManualClock())
    board.report(ReplicaReport("a", ready=True, committed=(tally(0), tally(1))))
    board.report(ReplicaReport("b", ready=True, committed=(tally(1), tally(2))))
    first = board.beat(Orders())
    assert [t.shard_id for t in first.tallies] == ["shard-00000", "shard-00001", "shard-00002"]
    assert board.beat(Orders(), first.epoch, first.known).tallies == ()
    assert len(board.beat(Orders(), "an earlier scoreboard", 3).tallies) == 3


def test_replies_carry_the_orders_and_replicas_that_are_behind_are_counted() -> None:
    board = Scoreboard(ManualClock())
    assert board.report(ReplicaReport("a", ready=True)) == Orders()
    assert board.beat(Orders(DesiredState.DRAIN)).behind == 1
    assert board.report(ReplicaReport("a", ready=True, applied=DesiredState.DRAIN)) == Orders(DesiredState.DRAIN)
    assert board.beat(Orders(DesiredState.DRAIN, max_tokens=9)).behind == 0


def test_replicas_get_the_seconds_that_are_left_when_they_ask() -> None:
    clock = ManualClock()
    board = Scoreboard(clock)
    board.beat(Orders(expires_in=30.0))
    clock.advance(1.5)
    assert board.report(ReplicaReport("a", ready=True)).expires_in == 28.5
    clock.advance(30)
    assert board.report(ReplicaReport("a", ready=True)).expires_in == -1.5


def test_forgotten_replicas_leave_what_they_committed() -> None:
    board = Scoreboard(ManualClock())
    board.announce("b", "actor-b")
    board.report(ReplicaReport("a", ready=True, open=OpenWork(running=4), open_shards=1, committed=(tally(0),)))
    board.announce("c", "actor-c")
    board.forget_replicas()
    found = board.beat(Orders())
    assert (found.live, found.open_shards, found.open.running, found.starts_without_ready) == (0, 0, 0, 0)
    assert (found.starts_without_commit, len(found.tallies)) == (0, 1)


def test_first_row_is_the_earliest_of_all_replicas() -> None:
    clock = ManualClock()
    board = Scoreboard(clock)
    assert board.beat(Orders()).first_row_age is None
    clock.advance(100)
    board.report(ReplicaReport("a", ready=True, first_row_age=5))
    board.report(ReplicaReport("b", ready=True, first_row_age=30))
    clock.advance(10)
    assert board.beat(Orders()).first_row_age == 40


def test_starts_are_counted_until_one_is_ready_or_commits() -> None:
    board = Scoreboard(ManualClock())
    for name in "abc":
        board.announce(name, f"actor-{name}")
    assert board.beat(Orders()).starts_without_ready == 3
    board.report(ReplicaReport("c", ready=True, fatal=None))
    snapshot = board.beat(Orders())
    assert (snapshot.starts_without_ready, snapshot.starts_without_commit) == (0, 3)
    board.report(ReplicaReport("c", ready=True, committed=(tally(0),)))
    assert board.beat(Orders()).starts_without_commit == 0
    board.report(ReplicaReport("d", fatal=Fatal(ExitReason.ENGINE_START, "no")))
    assert board.beat(Orders()).fatal == Fatal(ExitReason.ENGINE_START, "no")


def test_tokens_of_a_lost_replica_stay_counted_and_its_rows_do_not() -> None:
    clock = ManualClock()
    board = Scoreboard(clock)
    assert (board.beat(Orders()).generated, board.beat(Orders()).flight) == (None, None)
    board.report(ReplicaReport("a", ready=True, generated=400, flight=Flight(tokens=40, chars=900)))
    clock.advance(REPLICA_SILENT_SECONDS)
    board.report(ReplicaReport("b", ready=True, generated=100, flight=Flight(tokens=10, chars=100)))
    both = board.beat(Orders())
    assert (both.generated, both.flight) == (500, Flight(tokens=50, chars=1000))
    clock.advance(1)
    assert (board.beat(Orders()).generated, board.beat(Orders()).flight) == (500, Flight(tokens=10, chars=100))
    board.report(ReplicaReport("b", fatal=Fatal(ExitReason.CRASHED, "no")))
    assert board.beat(Orders()).generated == 500
    board.forget_replicas()
    assert (board.beat(Orders()).generated, board.beat(Orders()).flight) == (500, None)


def test_rows_in_flight_are_reported_for_all_replicas_or_not_at_all() -> None:
    board = Scoreboard(ManualClock())
    board.report(ReplicaReport("a", ready=True, generated=4, flight=Flight(tokens=4)))
    board.report(ReplicaReport("b", ready=True))
    assert (board.beat(Orders()).generated, board.beat(Orders()).flight) == (4, None)


def test_the_successor_of_a_replica_hears_which_rows_it_was_lost_with() -> None:
    board = Scoreboard(ManualClock())
    assert board.announce("a1", "actor-a") is None
    assert board.announce("b1", "actor-b") is None
    board.report(ReplicaReport("a1", ready=True, open=OpenWork(running=2), inside=("x", "y")))
    board.report(ReplicaReport("b1", ready=True, open=OpenWork(running=3), inside=("z",)))
    assert board.announce("a2", "actor-a") == LostReplica("a1", ("x", "y"))
    found = board.beat(Orders())
    assert (found.live, found.open.running) == (1, 3), "a lost replica counts as live"
    assert board.announce("a3", "actor-a") is None  # the second one was lost before it had a row


def test_replicas_that_were_ended_on_purpose_are_not_lost() -> None:
    board = Scoreboard(ManualClock())
    board.announce("a1", "actor-a")
    board.report(ReplicaReport("a1", ready=True, inside=("x",)))
    board.forget_replicas()
    assert board.announce("a2", "actor-a") is None


def test_a_replica_that_was_idle_is_lost_without_rows() -> None:
    board = Scoreboard(ManualClock())
    board.announce("a1", "actor-a")
    board.report(ReplicaReport("a1", ready=True, inside=("x",)))
    board.report(ReplicaReport("a1", ready=True))
    assert board.announce("a2", "actor-a") is None


def test_the_peak_of_memory_is_that_of_the_replica_that_needed_most_and_stays() -> None:
    board = Scoreboard(ManualClock())
    board.report(ReplicaReport("a", ready=True))
    assert board.beat(Orders()).peak_memory_mb is None
    board.report(ReplicaReport("a", ready=True, peak_memory_mb=700))
    board.report(ReplicaReport("b", ready=True, peak_memory_mb=900))
    board.report(ReplicaReport("b", ready=True, peak_memory_mb=800))
    board.forget_replicas()
    assert board.beat(Orders()).peak_memory_mb == 900


def test_replicas_that_died_are_counted_with_the_rows_that_run_again() -> None:
    board = Scoreboard(ManualClock())
    board.announce("a1", "actor-a")
    work = OpenWork(running=2, succeeded=5, lengths={LengthClass(4, 16): LengthWork(ended=5)})
    board.report(ReplicaReport("a1", ready=True, open=work, inside=("x", "y")))
    board.announce("b1", "actor-b")
    assert (board.beat(Orders()).lost, board.beat(Orders()).redone) == (0, 0)
    board.announce("a2", "actor-a")
    assert (board.beat(Orders()).lost, board.beat(Orders()).redone) == (1, 7)
    board.announce("a3", "actor-a")  # the second one died while it loaded
    assert (board.beat(Orders()).lost, board.beat(Orders()).redone) == (2, 7)
    board.report(ReplicaReport("a3", ready=True, open=work))
    board.forget_replicas()  # ended on purpose
    board.announce("a4", "actor-a")
    assert (board.beat(Orders()).lost, board.beat(Orders()).redone) == (2, 7)


def test_shards_of_lost_replicas_run_again_and_those_of_live_ones_run() -> None:
    board = Scoreboard(ManualClock())
    board.announce("a1", "actor-a")
    board.report(ReplicaReport("a1", ready=True, begun=("shard-00000", "shard-00001"), inside=("x",)))
    board.report(ReplicaReport("b1", ready=True, begun=("shard-00002",)))
    found = board.beat(Orders())
    assert (found.running_shards, found.redone_shards) == (("shard-00000", "shard-00001", "shard-00002"), ())
    board.announce("a2", "actor-a")
    found = board.beat(Orders())
    assert (found.running_shards, found.redone_shards) == (("shard-00002",), ("shard-00000", "shard-00001"))
    assert found.over.running_shards == ()
    many = tuple(f"shard-{n:05d}" for n in range(100))
    board.report(ReplicaReport("c1", ready=True, begun=many))
    assert len(board.beat(Orders()).running_shards) == MOST_SHARDS


def test_what_a_lost_replica_counted_of_store_and_engine_stays_and_its_cache_does_not() -> None:
    clock = ManualClock()
    board = Scoreboard(clock)
    board.report(ReplicaReport("a", ready=True))
    assert (board.beat(Orders()).engine, board.beat(Orders()).store) == (None, None)
    use = EngineUse(kv_cache=0.9, preemptions=3, prefix_queries=100, prefix_hits=40)
    board.report(ReplicaReport("a", ready=True, engine=use, store=StoreUse(requests=5, errors=1, seconds=0.5)))
    clock.advance(REPLICA_SILENT_SECONDS + 1)
    other = EngineUse(kv_cache=0.2, preemptions=1, prefix_queries=10, prefix_hits=4)
    board.report(ReplicaReport("b", ready=True, engine=other, store=StoreUse(requests=2, seconds=0.25)))
    found = board.beat(Orders())
    assert found.engine == EngineUse(kv_cache=0.2, preemptions=4, prefix_queries=110, prefix_hits=44)
    assert found.store == StoreUse(requests=7, errors=1, seconds=0.75)
    clock.advance(REPLICA_SILENT_SECONDS + 1)
    assert board.beat(Orders()).engine == EngineUse(preemptions=4, prefix_queries=110, prefix_hits=44)
    board.report(ReplicaReport("b", ready=True, engine=other))
    board.report(ReplicaReport("a", ready=True, engine=use))
    full = board.beat(Orders()).engine
    assert full is not None
    assert full.kv_cache == 0.9, "not the fullest one"
