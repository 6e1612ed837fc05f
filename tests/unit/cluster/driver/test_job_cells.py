"""The rows of one generation by length."""

from __future__ import annotations

from llmbatch.cluster.driver.job_cells import JobCells
from llmbatch.cluster.driver.job_state import JobState
from llmbatch.cluster.exchange.length_work import LengthWork
from llmbatch.cluster.exchange.replica_report import OpenWork
from llmbatch.cluster.exchange.scoreboard import Snapshot
from llmbatch.core.clock import ManualClock
from llmbatch.core.length_cells import LengthClass, bucket_of, class_of
from llmbatch.core.length_sums import AnswerSums, RowSums, pack_answers, pack_rows
from llmbatch.core.shards import ShardTally, StagedManifest, StagedShard


def test_rows_are_distinguished_by_their_limits(store, make) -> None:
    """Two rows may have 16 tokens and one 500: with answers of 16 and 500 the one that is left takes 500 more."""
    rows = [make.chat(n, "x" * 20, max_tokens=limit) for n, limit in enumerate((16, 500, 16, 500))]
    job = make.stage(store, rows, 4)
    state = JobState(job.manifest, generation=1, replicas_wanted=1, clock=ManualClock())
    short, long = class_of(len(rows[0].request), 16), class_of(len(rows[1].request), 500)
    answers = {short: LengthWork(2, 2, 32, 512, 3.2), long: LengthWork(1, 1, 500, 250_000, 50.0)}
    state.take(Snapshot(open=OpenWork(lengths=answers), shares=(), live=1))
    found = {cell.limit: (cell.rows, cell.ended, cell.tokens) for cell in state.progress(1).lengths}
    assert found == {16: (2, 2, 32), 500: (2, 1, 500)}


def test_more_kinds_of_limits_than_a_heartbeat_can_carry_are_one() -> None:
    """Every sum is kept, and of the limits the longest."""
    kinds = [(chars, 2**exponent) for chars in (10, 12, 14) for exponent in range(17)]
    shard = StagedShard(
        shard_id="shard-00000", rows=len(kinds), invalid_rows=0, input_chars=1, etag="e",
        lengths=pack_rows({LengthClass(chars, bucket_of(most)): RowSums(1, 50, most) for chars, most in kinds}),
    )  # fmt: skip
    state = JobState(
        StagedManifest(job_id="job-1", shards=(shard,), seconds=1),
        generation=1, replicas_wanted=1, clock=ManualClock(),
    )  # fmt: skip
    work = LengthWork(ended=1, answered=1, tokens=3)
    answers = {LengthClass(chars, bucket_of(most)): work for chars, most in kinds[:20]}
    state.take(Snapshot(open=OpenWork(lengths=answers), shares=(), live=1))
    found = {cell.bucket: (cell.limit, cell.rows, cell.chars, cell.tokens) for cell in state.progress(1).lengths}
    assert found == {10: (2**16, 17, 850, 51), 12: (2**16, 17, 850, 9), 14: (2**16, 17, 850, 0)}


def test_open_and_committed_rows_are_disjoint() -> None:
    """10 rows staged, of which a committed shard had 4 and a replica has answered 3 and runs 2."""
    kind = LengthClass(10, bucket_of(16))
    shards = [
        StagedShard(
            shard_id=f"shard-{n:05d}", rows=rows, invalid_rows=0, input_chars=1, etag="e",
            lengths=pack_rows({kind: RowSums(rows, 50 * rows, 16)}),
        )
        for n, rows in enumerate((4, 6, 5))
    ]  # fmt: skip
    cells = JobCells(shards)
    cells.leave(shards[2])
    lengths = pack_answers({kind: AnswerSums(4, 40, 400, 2000)})
    tally = ShardTally(shard_id="shard-00000", generation=1, rows=4, succeeded=4, failed=0, lengths=lengths)
    cells.commit(shards[0], tally)
    work = LengthWork(3, 3, 30, 300, 1.5, 2, 6.0, 18.0)
    [cell] = cells.cells({kind: work})
    assert (cell.rows, cell.chars, cell.ended, cell.running, cell.waiting) == (10, 500, 7, 2, 1)
    assert (cell.answered, cell.tokens, cell.tokens_squared, cell.answered_seconds) == (7, 70, 700, 3.5)
    # The replica's last report may still count the rows of the committed shard.
    [twice] = cells.cells({kind: LengthWork(9, 9, 0, 0, 0.0, 4, 8.0, 16.0)})
    assert (twice.ended, twice.running, twice.waiting) == (10, 0, 0)
