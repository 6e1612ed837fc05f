"""What the driver knows about its job, folded into heartbeats."""

from __future__ import annotations

from collections import Counter

import pytest

from fakes.tallies import tally
from llmbatch.cluster.driver.estimator import Estimator
from llmbatch.cluster.driver.job_cells import MOST_CLASSES
from llmbatch.cluster.driver.job_state import MOST_SHARES, JobState
from llmbatch.cluster.exchange.length_work import LengthWork
from llmbatch.cluster.exchange.replica_report import MOST_SHARDS, OpenWork
from llmbatch.cluster.exchange.scoreboard import Snapshot
from llmbatch.core.clock import ManualClock
from llmbatch.core.length_cells import LengthClass
from llmbatch.core.progress import EngineUse, Flight, ReplicaShare, StoreUse
from llmbatch.core.shards import StagedManifest, StagedShard
from llmbatch.core.states import ErrorClass, ExitReason, Phase


def manifest(count: int, rows: int = 10) -> StagedManifest:
    shards = tuple(
        StagedShard(shard_id=f"shard-{n:05d}", rows=rows, invalid_rows=1, input_chars=1000, etag="e")
        for n in range(count)
    )
    return StagedManifest(job_id="job-1", shards=shards, seconds=1)


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


def test_cancelled_rows_have_ended_and_are_no_failures() -> None:
    job, _ = state(2)
    job.add_tallies([tally(0, 4, 1).model_copy(update={"rows": 10, "cancelled": 5})])
    job.take(Snapshot(open=OpenWork(succeeded=2, cancelled=3, running=50)))
    rows = job.rows()
    assert (rows.succeeded, rows.failed, rows.cancelled, rows.running) == (6, 1, 8, 5)
    assert (rows.ended, rows.waiting) == (15, 0)


def test_dead_letters_are_the_failed_rows_of_all_generations_committed_or_not() -> None:
    job, _ = state(3)
    job.add_former(["shard-00000"])
    assert job.progress(1).dead_letters == {ErrorClass.INVALID: 1}  # staged as invalid, its tally is not read
    job.add_tallies([tally(0, 7, 3).model_copy(update={"errors": {ErrorClass.INVALID: 1, ErrorClass.TIMEOUT: 2}})])
    assert job.progress(2).dead_letters == {ErrorClass.INVALID: 1, ErrorClass.TIMEOUT: 2}
    job.take(Snapshot(open=OpenWork(failed=2, errors=Counter({ErrorClass.TIMEOUT: 1, ErrorClass.ENGINE: 1}))))
    found = job.progress(3)
    assert found.dead_letters == {ErrorClass.INVALID: 1, ErrorClass.TIMEOUT: 3, ErrorClass.ENGINE: 1}
    assert sum(found.dead_letters.values()) == found.rows.failed


def test_lost_replicas_and_redone_rows_stay_counted_when_the_scoreboard_is_restarted() -> None:
    job, _ = state()
    job.take(Snapshot(epoch="one", lost=2, redone=30))
    job.take(Snapshot(epoch="one", lost=3, redone=35))
    assert (job.progress(1).replicas.lost, job.progress(1).rows_redone) == (3, 35)
    job.take(Snapshot(epoch="two"))
    assert (job.progress(2).replicas.lost, job.progress(2).rows_redone) == (3, 35)
    job.take(Snapshot(epoch="two", lost=1, redone=5))
    assert (job.progress(3).replicas.lost, job.progress(3).rows_redone) == (4, 40)


def test_shards_that_run_and_that_run_again_are_named_as_far_as_a_heartbeat_may_grow() -> None:
    job, _ = state()
    job.take(Snapshot(epoch="one", running_shards=("a", "b"), redone_shards=("c",)))
    job.take(Snapshot(epoch="two", running_shards=("c",), redone_shards=("d", "c")))
    found = job.progress(1)
    assert (found.running_shards, found.redone_shards) == (("c",), ("c", "d"))
    job.take(Snapshot(epoch="three", redone_shards=tuple(f"shard-{n:05d}" for n in range(MOST_SHARDS))))
    assert len(job.progress(2).redone_shards) == MOST_SHARDS
    job.end(ExitReason.COMMITTED, "")
    assert job.progress(3).running_shards == ()


def test_requests_to_the_store_are_those_of_the_driver_and_its_replicas() -> None:
    job, _ = state()
    assert job.progress(1).store is None
    clock = ManualClock()
    use = StoreUse(requests=4, errors=1, seconds=0.5)
    job = JobState(manifest(1), generation=1, replicas_wanted=1, clock=clock, driver_store=lambda: use)
    assert job.progress(1).store == use
    job.take(Snapshot(store=StoreUse(requests=10, seconds=1.5)))
    assert job.progress(2).store == StoreUse(requests=14, errors=1, seconds=2.0)


def test_at_the_end_no_cache_is_in_use() -> None:
    job, _ = state()
    assert job.progress(1).engine is None
    job.take(Snapshot(engine=EngineUse(kv_cache=0.5, preemptions=3)))
    assert job.progress(1).engine == EngineUse(kv_cache=0.5, preemptions=3)
    job.end(ExitReason.COMMITTED, "done")
    assert job.progress(2).engine == EngineUse(preemptions=3)


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


SLOTS = 10


@pytest.mark.parametrize("replicas", [MOST_SHARES, MOST_SHARES + 1, 1000])
def test_a_heartbeat_stays_small(replicas: int) -> None:
    """As many kinds of rows as are counted apart, on very many replicas."""
    lengths = " ".join(f"{bucket}:399:1000000:{10**9 + bucket}" for bucket in range(MOST_CLASSES))
    shard = StagedShard(
        shard_id="shard-00000", rows=MOST_CLASSES * 10**6, invalid_rows=0, input_chars=1, etag="e", lengths=lengths
    )
    staged = StagedManifest(job_id="job-1", shards=(shard,), seconds=1)
    state = JobState(staged, generation=1, replicas_wanted=replicas, clock=ManualClock())
    work = LengthWork(10**5, 10**5, 10**8, 10**11, 1e7 / 3, 10**4, 1e6 / 3, 1e8 / 3)
    shares = (ReplicaShare(left=99999, pace=1e3 / 3, reading=1e4 / 3),) * replicas
    state.take(
        Snapshot(
            open=OpenWork(lengths=dict.fromkeys(map(LengthClass, range(MOST_CLASSES), [17] * MOST_CLASSES), work)),
            shares=shares,
            live=replicas,
        )
    )
    progress = Estimator(SLOTS).complete(state.progress(1))
    assert len(progress.shares) == (replicas if replicas <= MOST_SHARES else 0)
    print("SIZE", len(progress.model_dump_json()))
    assert len(progress.model_dump_json()) < 20_000
    state.end(ExitReason.DRAINED, "on request")
    assert state.progress(2).shares == ()


def test_the_heartbeat_has_the_peak_of_memory() -> None:
    job, _ = state()
    assert job.progress(1).peak_memory_mb is None
    job.take(Snapshot(peak_memory_mb=900))
    assert job.progress(2).peak_memory_mb == 900


def test_work_begins_with_the_first_row_and_not_with_the_heartbeat_that_sees_it() -> None:
    job, clock = state()
    clock.advance(5)
    job.enter(Phase.MODEL_LOAD)
    clock.advance(10)
    job.take(Snapshot(first_row_age=3.0))
    assert job.progress(1).seconds_phase == {"cluster": 5, "model_load": 7, "work": 3}
    late, clock = state()
    clock.advance(2)
    late.enter(Phase.MODEL_LOAD)
    late.take(Snapshot(first_row_age=9.0))
    assert late.progress(1).seconds_phase["cluster"] == 2
