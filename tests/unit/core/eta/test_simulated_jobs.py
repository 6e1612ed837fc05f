"""The ETA model on simulated jobs, as a regression."""

from __future__ import annotations

import statistics

import pytest

from eta_sim.job import SimJob, Trace
from eta_sim.scenario import draw, fleet
from llmbatch.core.eta.model import EtaModel
from llmbatch.core.eta.observation import observation_of
from llmbatch.core.eta.priors import Priors
from llmbatch.core.progress import EtaState
from llmbatch.core.states import Phase

ENGINE = fleet(1, 1)[0]


def errors(trace: Trace, priors: Priors | None = None) -> list[float]:
    """Relative errors of the plain prediction at a quarter, half and three quarters of the rows."""
    model, left, found = EtaModel(trace.scenario.slots, priors), [0.25, 0.5, 0.75], []
    for each in trace.beats:
        seen = observation_of(each)
        model.observe(seen)
        if left and each.rows.ended >= left[0] * each.rows.total:
            left.pop(0)
            predicted = model.estimate(seen.at).predicted
            assert predicted is not None
            found.append(predicted / (trace.finished_at - trace.at(each)) - 1)
    return found


@pytest.mark.parametrize(("family", "most"), [("classification", 0.065), ("reading", 0.013)])
def test_jobs_that_mostly_read_are_estimated_right(family: str, most: float) -> None:
    """With what history knows of the engine; from answered rows alone the median errors are 0.12 and 0.02."""
    known = Priors(price=ENGINE.read / 4, price_factor=1.2, fixed_share=ENGINE.fixed)
    traces = [SimJob(draw(seed, family, "shuffled", "none", ENGINE)).run() for seed in range(8)]
    sizes = [abs(each) for trace in traces for each in errors(trace, priors=known)]
    assert len(sizes) == 24
    assert statistics.median(sizes) < most


def test_reading_alone_is_work_from_the_first_heartbeat() -> None:
    """A job without output tokens has an estimate as soon as a row has ended, or at once if the engine is known."""
    trace = SimJob(draw(3, "reading", "sorted", "none", ENGINE)).run()
    model, known = EtaModel(trace.scenario.slots), EtaModel(trace.scenario.slots, Priors(rate=50.0))
    for each in trace.beats:
        seen = observation_of(each)
        model.observe(seen)
        known.observe(seen)
        if seen.phase in {Phase.WORK, Phase.TAIL}:
            assert known.estimate(seen.at).state is EtaState.ESTIMATED
            assert not seen.answered or model.estimate(seen.at).state is EtaState.ESTIMATED
            assert "tokens" not in known.estimate(seen.at).reason
    assert model.learned(trace.finished_at).answers is None
    assert model.learned(trace.finished_at).rate is not None


@pytest.mark.parametrize("order", ["shuffled", "sorted"])
def test_simulated_jobs_are_estimated_better_than_by_rows(order: str) -> None:
    """Eight undisturbed jobs of a family and each order; bounds are what was measured, with a third added."""
    traces = [SimJob(draw(seed, "prompts", order, "none", ENGINE)).run() for seed in range(8)]
    sizes = [abs(each) for trace in traces for each in errors(trace)]
    assert statistics.median(sizes) < 0.13


def test_the_simulator_accounts_for_every_row_and_repeats_itself() -> None:
    scenario = draw(7, "lognormal", "bursty", "preemption", ENGINE)
    one, two = SimJob(scenario).run(), SimJob(scenario).run()
    assert one.beats == two.beats
    assert one.beats[-1].rows.succeeded == len(scenario.rows)
    assert one.beats[-1].tokens.completion == sum(row.tokens for row in scenario.rows)
    tokens = [each.tokens.generated for each in one.beats]
    assert tokens == sorted(tokens)
    assert all(each.flight.tokens >= 0 for each in one.beats)
    assert one.beats[-1].flight.tokens == one.beats[-1].flight.chars == 0
    assert all(cell.running >= 0 and cell.ended <= cell.rows for each in one.beats for cell in each.lengths)
    assert min(each.replicas.live for each in one.beats[len(one.beats) // 2 :]) >= 1
