from __future__ import annotations

import pytest

from llmbatch.core.eta.basis import EtaBasis
from llmbatch.core.eta.forecast import forecast
from llmbatch.core.eta.priors import LengthPrior, PhasePrior, Priors
from llmbatch.core.input_size import InputSize, LengthTally

FLAT = LengthPrior(level=100.0, slope=0.0, spread=0.01, long=0.0)


def size_of(rows: int, chars: int = 1000, max_tokens: int = 4096, doubt: float = 0.0) -> InputSize:
    tally = LengthTally()
    tally.add(chars, max_tokens)
    return tally.size(rows, rows, rows, doubt)


def basis_of(rate: float | None = 50.0, **phases: float) -> EtaBasis:
    priors = {name: PhasePrior(seconds=seconds) for name, seconds in phases.items()}
    return EtaBasis(engine="e", priors=Priors(lengths=FLAT, price=1e-9, rate=rate, phases=priors, commit_seconds=0.0))


@pytest.mark.parametrize(
    ("basis", "replicas", "seconds"),
    [
        (basis_of(), 1, 2000),
        (basis_of(), 4, 500),
        (basis_of(cluster=7, model_load=60), 4, 567),
        (basis_of(model_load=60), 1, 2060),
        (basis_of(queued=1, cluster=7, model_load=60), 1, 2068),
        # A gap: how long a model load takes is unknown, so the start is left out.
        (basis_of(cluster=7), 1, 2000),
    ],
)
def test_work_by_rate_and_replicas_after_the_start(basis: EtaBasis, replicas: int, seconds: float) -> None:
    """A thousand answers of 100 tokens at 50 tokens a second."""
    found = forecast(size_of(1000), 8, basis, replicas)
    assert found is not None
    assert found.p50 == pytest.approx(seconds, rel=0.01)
    assert (found.p10, found.p90) == pytest.approx((found.p50 / 2.5, found.p50 * 2.5))


def test_answers_are_capped() -> None:
    found = forecast(size_of(1000, max_tokens=10), 8, basis_of(), 1)
    assert found is not None
    assert found.p50 == pytest.approx(200)


def test_without_a_rate_nothing_is_foretold() -> None:
    assert forecast(size_of(1000), 8, basis_of(rate=None, model_load=60), 1) is None


def test_a_doubtful_size_widens_the_interval_and_moves_no_middle() -> None:
    sure, unsure = (forecast(size_of(1000, doubt=doubt), 8, basis_of(), 1) for doubt in (0.0, 0.5))
    assert sure is not None
    assert unsure is not None
    assert unsure.p50 == sure.p50
    assert unsure.p10 < 0.9 * sure.p10
    assert unsure.p90 > 1.1 * sure.p90
