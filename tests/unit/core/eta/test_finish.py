"""The replica that ends last decides: what it holds, how fast it is, and what its last rows add."""

from __future__ import annotations

import pytest

from llmbatch.core.eta.finish import Finish, Load, last_finish, seconds_to_finish
from llmbatch.core.eta.footing import Footing
from llmbatch.core.eta.lengths import OutputLengths
from llmbatch.core.eta.observation import Observation
from llmbatch.core.eta.priors import LengthPrior, Priors
from llmbatch.core.eta.rate import Effort, WorkRate
from llmbatch.core.eta.tail import Drain
from llmbatch.core.length_cells import LengthCell
from llmbatch.core.progress import ReplicaShare
from llmbatch.core.states import Phase

BATCH = 10.0
NO_TAIL = Drain(0.0, 0.0, 0.0)


def footing() -> Footing:
    """Two tokens per slot-second; reading costs next to nothing."""
    rate = WorkRate(Priors(price=1e-9))
    rate.work(0.0, Effort(tokens=200.0, chars=0.0, seconds=100.0))
    return Footing(rate, OutputLengths(LengthPrior()), {}, BATCH)


def seen(rows: int, *shares: ReplicaShare) -> Observation:
    cells = (LengthCell(bucket=20, limit=100, rows=rows, chars=1000 * rows),)
    return Observation(0.0, 1, Phase.WORK, 0.0, cells, live=max(1, len(shares)), shares=shares)


def finish(observation: Observation, tail: Drain = NO_TAIL) -> Finish:
    """1000 units are left; a replica does 20 of them in a second."""
    return last_finish(observation, footing(), 1000.0, 20.0, tail, fixed_share=0.5)


def test_without_rows_there_is_nothing_to_wait_for() -> None:
    assert finish(seen(0)) == Finish(0.0, 0.0)


def test_one_replica_does_all_the_work() -> None:
    found = finish(seen(100))
    assert (found.work_seconds, found.drain_seconds, found.seconds) == (50.0, 0.0, 50.0)


def test_the_replica_that_holds_more_ends_last() -> None:
    # 10 units a row: the second holds 600 of the 1000, and the 300 free ones are gone after 7.5 s.
    found = finish(seen(100, ReplicaShare(left=10), ReplicaShare(left=60)))
    assert found.work_seconds == pytest.approx(7.5 + 30)


def test_a_slow_replica_ends_last_and_a_small_difference_is_noise() -> None:
    slow, fast = ReplicaShare(left=50, pace=1.0, reading=0.0), ReplicaShare(left=50, pace=2.0, reading=0.0)
    assert finish(seen(100, slow, fast)).work_seconds == pytest.approx(500 / (20 * 2 / 3))
    nearly = ReplicaShare(left=50, pace=1.9, reading=0.0)
    assert finish(seen(100, nearly, fast)).work_seconds == pytest.approx(25)


def test_the_drain_adds_the_fixed_part_of_the_steps_of_the_longest_row() -> None:
    # The last batch is full: 80 steps for the longest row, 30 of which its tokens take anyway; half a step is fixed.
    found = finish(seen(100), Drain(BATCH, mean_tokens=30.0, longest_tokens=80.0))
    assert found.drain_seconds == pytest.approx(0.5 * 50 / 2)
    assert found.seconds == found.work_seconds + found.drain_seconds


@pytest.mark.parametrize(
    ("loads", "free", "seconds"),
    [
        ([Load(100, 10), Load(300, 10)], 0, (10, 30)),
        ([Load(100, 10), Load(300, 10)], 400, (30, 50)),
        ([Load(100, 10), Load(100, 5)], 150, (20, 30)),
        ([Load(0, 10), Load(0, 10)], 100, (5, 5)),
    ],
)
def test_balance(loads: list[Load], free: float, seconds: tuple[float, ...]) -> None:
    assert seconds_to_finish(loads, free) == pytest.approx(seconds)
