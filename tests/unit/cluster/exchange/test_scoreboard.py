"""Arithmetic of the scoreboard and of the job's state."""

from __future__ import annotations

import pytest

from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.exchange.latency_sketch import LatencySketch
from llmbatch.cluster.exchange.replica_report import Fatal, OpenWork, Orders, ReplicaReport
from llmbatch.cluster.exchange.scoreboard import REPLICA_SILENT_SECONDS, Scoreboard, Snapshot
from llmbatch.core.clock import ManualClock
from llmbatch.core.progress import Flight
from llmbatch.core.shards import ShardTally, StagedManifest, StagedShard
from llmbatch.core.states import DesiredState, ExitReason, Phase


def tally(number: int, succeeded: int = 10, failed: int = 0) -> ShardTally:
    return ShardTally(
        shard_id=f"shard-{number:05d}",
        generation=1,
        rows=succeeded + failed,
        succeeded=succeeded,
        failed=failed,
        prompt_tokens=100,
        completion_tokens=50,
    )


def manifest(count: int, rows: int = 10) -> StagedManifest:
    shards = tuple(
        StagedShard(shard_id=f"shard-{n:05d}", rows=rows, invalid_rows=1, input_chars=1000, etag="e")
        for n in range(count)
    )
    return StagedManifest(job_id="job-1", objects=(), shards=shards, seconds=1)


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
    assert board.announce("b").max_tokens == 9


def test_forgotten_replicas_leave_what_they_committed() -> None:
    board = Scoreboard(ManualClock())
    board.announce("b")
    board.report(ReplicaReport("a", ready=True, open=OpenWork(running=4), open_shards=1, committed=(tally(0),)))
    board.announce("c")
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
        board.announce(name)
    assert board.beat(Orders()).starts_without_ready == 3
    board.report(ReplicaReport("c", ready=True, fatal=None))
    snapshot = board.beat(Orders())
    assert (snapshot.starts_without_ready, snapshot.starts_without_commit) == (0, 3)
    board.report(ReplicaReport("c", ready=True, committed=(tally(0),)))
    assert board.beat(Orders()).starts_without_commit == 0
    board.report(ReplicaReport("d", fatal=Fatal(ExitReason.ENGINE_START, "no")))
    assert board.beat(Orders()).fatal == Fatal(ExitReason.ENGINE_START, "no")


@pytest.mark.parametrize("seconds", [0.0004, 0.01, 1.0, 49.9, 3600.0])
def test_sketch_is_within_ten_percent(seconds: float) -> None:
    sketch = LatencySketch()
    sketch.add(seconds)
    assert sketch.quantile(0.5) == pytest.approx(max(seconds, 0.001), rel=0.1)


def test_sketch_quantiles_merge_and_are_unknown_when_empty() -> None:
    assert LatencySketch().quantile(0.5) is None
    low, high = LatencySketch(), LatencySketch()
    for _ in range(95):
        low.add(1.0)
    for _ in range(5):
        high.add(100.0)
    merged = LatencySketch.merged([low.counts, high.counts])
    assert merged.quantile(0.95) == pytest.approx(1.0, rel=0.1)
    assert merged.quantile(0.96) == pytest.approx(100.0, rel=0.1)
    high.add(1e9)
    assert len(high.counts) == 2


def state(count: int = 10) -> tuple[JobState, ManualClock]:
    clock = ManualClock()
    return JobState(manifest(count), generation=2, replicas_wanted=3, clock=clock), clock


def test_uncounted_shards_are_those_of_this_generation_without_a_tally() -> None:
    job, _ = state()
    job.add_former(["shard-00000"])
    job.add_tallies([tally(1)])
    assert job.uncounted(["shard-00000", "shard-00001", "shard-00002"]) == ["shard-00002"]


def test_former_generations_count_rows_but_not_speed() -> None:
    job, clock = state()
    job.add_former([f"shard-{n:05d}" for n in range(5)])
    assert (job.rows().succeeded, job.rows().failed) == (45, 5)  # until their tallies are read
    job.add_tallies([tally(n, 7, 3) for n in range(5)])
    clock.advance(20)
    job.take(Snapshot(tallies=(tally(5),), open=OpenWork(running=4, succeeded=5), first_row_age=10))
    progress = job.progress(7)
    assert (progress.rows.succeeded, progress.rows.failed, progress.rows.running) == (35 + 10 + 5, 15, 4)
    assert progress.shards.committed == 6
    assert progress.rates.rows_per_second == pytest.approx(1.5)
    assert progress.sequence == 7
    assert progress.replicas.wanted == 3


def test_phases_follow_each_other_and_their_seconds_add_up() -> None:
    job, clock = state(1)
    clock.advance(2)
    job.enter(Phase.MODEL_LOAD)
    clock.advance(30)
    job.take(Snapshot(first_row_age=0.0, open=OpenWork(running=5)))
    clock.advance(10)
    job.enter(Phase.CLUSTER)  # never back
    job.take(Snapshot(first_row_age=10.0, open=OpenWork(running=6, succeeded=4)))
    assert job.progress(1).phase is Phase.TAIL
    clock.advance(5)
    job.add_tallies([tally(0)])
    job.end(ExitReason.COMMITTED, "done")
    progress = job.progress(2)
    assert progress.phase is Phase.DONE
    assert progress.exit_code == 0
    assert progress.seconds_phase == {"cluster": 2.0, "model_load": 30.0, "work": 10.0, "tail": 5.0}
    assert progress.rows.running == 0


def test_rates_are_unknown_before_the_first_row() -> None:
    job, _ = state()
    progress = job.progress(1)
    assert progress.rates.rows_per_second is None
    assert progress.latency.p50 is None
    assert progress.phase is Phase.CLUSTER


def test_the_time_before_the_start_is_a_phase_of_its_own() -> None:
    clock = ManualClock()
    job = JobState(manifest(1), generation=1, replicas_wanted=1, clock=clock, queued_seconds=7.0)
    clock.advance(2)
    assert job.progress(1).seconds_phase == {"queued": 7.0, "cluster": 2.0}


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


def test_the_recent_rate_counts_tokens_of_rows_without_an_answer() -> None:
    """It does not begin while the model loads, keeps the rate since the first row beside it, and ends with the job."""
    job, clock = state()
    rates = []
    for age, generated in ((None, 0), (None, 0), (0.5, 0), (2.5, 100), (4.5, 300)):
        clock.advance(2)
        job.take(Snapshot(generated=generated, first_row_age=age, open=OpenWork(running=9)))
        rates.append(job.progress(1).rates)
    assert [each.recent_output_tokens_per_second for each in rates] == [None, None, None, 50, 75]
    assert [each.output_tokens_per_second for each in rates] == [None, None, 0, 0, 0]
    assert [each.live for each in rates] == [None, None, None, 50, 75]
    assert job.progress(1).tokens.generated == 300
    clock.advance(31)
    assert job.progress(1).rates.recent_output_tokens_per_second is None  # the scoreboard has fallen silent
    job.take(Snapshot(generated=400, first_row_age=35.5, flight=Flight(tokens=9)))
    assert job.progress(1).flight == Flight(tokens=9)
    job.end(ExitReason.COMMITTED, "done")
    over = job.progress(2)
    assert (over.rates.recent_output_tokens_per_second, over.flight, over.tokens.generated) == (None, None, 400)


def test_rows_that_wait_are_in_no_engine_and_have_no_outcome() -> None:
    job, _ = state()
    job.take(Snapshot(open=OpenWork(running=30, succeeded=5, failed=1), first_row_age=1))
    assert (job.rows().total, job.rows().running, job.rows().waiting) == (100, 30, 64)
