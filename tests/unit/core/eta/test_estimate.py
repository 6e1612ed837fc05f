"""What an estimate tells: the probability of a miss, and one line of explanation."""

from __future__ import annotations

import pytest

from llmbatch.core.eta.estimate import Estimate
from llmbatch.core.progress import EtaSeconds, EtaState

PARTS = (("start", 0.0), ("work", 80.4), ("tail", 18.6), ("commit", 1.0))
ESTIMATED = Estimate(
    EtaState.ESTIMATED, 0.0, "80 units left", 0.5, EtaSeconds(p10=50, p50=100, p90=200), 100.0, PARTS
)  # fmt: skip


@pytest.mark.parametrize(("left", "chance"), [(200, 0.1), (100, 0.5), (50, 0.9), (-1, 1.0)])
def test_the_chance_of_a_miss_follows_from_the_interval(left: float, chance: float) -> None:
    assert ESTIMATED.miss_probability(left) == pytest.approx(chance, abs=1e-6)


@pytest.mark.parametrize("state", [EtaState.UNKNOWN, EtaState.STALLED])
def test_without_an_eta_the_chance_is_unknown(state: EtaState) -> None:
    found = Estimate(state, 0.0, "no heartbeat yet")
    assert found.miss_probability(100) is None
    assert found.explain() == f"ETA {state.value}: no heartbeat yet"


def test_a_finished_job_misses_nothing_even_after_its_deadline() -> None:
    assert Estimate(EtaState.FINISHED, 0.0, "all shards are committed").miss_probability(-5) == 0.0


def test_the_explanation_has_the_interval_and_the_parts_that_count() -> None:
    assert ESTIMATED.explain() == "ETA 100 s (50 to 200 s): work 80 s, tail 19 s, commit 1 s; 80 units left"
    nothing = Estimate(EtaState.FINISHED, 0.0, "committed", 1.0, EtaSeconds(p10=0, p50=0, p90=0), 0.0)
    assert nothing.explain() == "ETA 0 s (0 to 0 s): nothing left; committed"
