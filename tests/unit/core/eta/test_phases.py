"""How long it takes until work begins."""

from __future__ import annotations

import pytest

from llmbatch.core.eta.phases import seconds_until_work
from llmbatch.core.eta.priors import PhasePrior
from llmbatch.core.states import Phase


@pytest.mark.parametrize(
    ("phase", "elapsed", "low", "high"),
    [
        (Phase.WORK, 5, 0, 0),
        (Phase.MODEL_LOAD, 0, 60, 60),
        (Phase.MODEL_LOAD, 60, 20, 70),
        (Phase.CLUSTER, 0, 70, 70),
    ],
)
def test_phases(phase: Phase, elapsed: float, low: float, high: float) -> None:
    priors = {"cluster": PhasePrior(seconds=10), "model_load": PhasePrior(seconds=60)}
    found = seconds_until_work(phase, elapsed, priors)
    assert found is not None
    assert low - 1e-6 <= found <= high + 1e-6


def test_a_phase_without_prior_is_unknown() -> None:
    assert seconds_until_work(Phase.CLUSTER, 1, {"cluster": PhasePrior(seconds=10)}) is None
