"""The ETA model on heartbeats: properties that hold for every job."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.eta_beats import SLOTS, beat, cells, fed, steady
from llmbatch.core.eta.model import EtaModel
from llmbatch.core.eta.observation import Observation
from llmbatch.core.eta.priors import PhasePrior, Priors
from llmbatch.core.eta.spread import KNOTS, LogQuantiles, Spread
from llmbatch.core.progress import EtaState, ReplicaShare
from llmbatch.core.states import Phase


def test_unknown_before_evidence_and_never_zero_or_infinite() -> None:
    assert EtaModel(SLOTS).estimate(0).state is EtaState.UNKNOWN
    for phase in (Phase.QUEUED, Phase.CLUSTER, Phase.MODEL_LOAD, Phase.WORK):
        found = fed(beat(0, 0, phase=phase)).estimate(1)
        assert (found.state, found.seconds, found.miss_probability(10)) == (EtaState.UNKNOWN, None, None)
        assert found.explain().startswith("ETA unknown: ")


def test_priors_give_an_estimate_before_the_first_answer() -> None:
    phases = {"cluster": PhasePrior(seconds=20), "model_load": PhasePrior(seconds=60)}
    model = fed(beat(0, 0, 0, Phase.CLUSTER, phase_seconds=0.0, live=0), priors=Priors(rate=100, phases=phases))
    found = model.estimate(0)
    assert found.seconds is not None
    assert dict(found.parts)["start"] == pytest.approx(80)


def test_a_steady_job_is_estimated_right() -> None:
    """384 rows in flight or to come at 1.6 rows/s from 25 %: about 190 s."""
    found = fed(*steady(60)).estimate(60)
    assert found.predicted == pytest.approx((400 - 96 - 8) / 1.6, rel=0.1)
    assert "units left at" in found.explain()
    assert "\n" not in found.explain()


def test_a_lost_replica_counts_at_once() -> None:
    beats = steady(60, live=2)
    before = fed(*beats).estimate(60).predicted
    after = fed(*beats, beat(65, 192, 16, live=1)).estimate(65).predicted
    assert before is not None
    assert after is not None
    assert after > 1.6 * before


def test_a_replica_that_holds_too_much_ends_last() -> None:
    beats = steady(60, live=2)
    even = replace(
        beats[-1],
        shares=(ReplicaShare(left=104, pace=5.0, reading=112.5), ReplicaShare(left=104, pace=5.0, reading=112.5)),
    )
    slow = replace(
        beats[-1],
        shares=(ReplicaShare(left=104, pace=5.0, reading=112.5), ReplicaShare(left=104, pace=1.0, reading=22.5)),
    )
    fast, late = (fed(*beats[:-1], last).estimate(60).predicted for last in (even, slow))
    assert fast is not None
    assert late is not None
    assert late > 2.5 * fast


@pytest.mark.parametrize(("held", "factor"), [(8, 2.0), (208, 1.0)])
def test_engines_that_are_half_empty_while_shards_wait_do_half_the_work(held: int, factor: float) -> None:
    """For three minutes 8 of 16 places are filled. If the replica holds all that is left, this is the drain."""
    full = [*steady(120), *(beat(120 + 5.0 * n, 192, 16) for n in range(1, 37))]
    starved = [
        *steady(120),
        *(beat(120 + 5.0 * n, 192, 8, shares=(ReplicaShare(left=held),)) for n in range(1, 37)),
    ]
    usual, found = (dict(fed(*beats).estimate(300).parts)["work"] for beats in (full, starved))
    assert found == pytest.approx(factor * usual, rel=0.2)


def test_a_slow_replica_keeps_taking_rows_and_ends_last() -> None:
    """Half of the rows are free: the slow one still holds a hundred when these are gone."""
    beats = steady(60, live=2)
    slow = replace(
        beats[-1],
        shares=(ReplicaShare(left=50, pace=5.0, reading=112.5), ReplicaShare(left=50, pace=1.0, reading=22.5)),
    )
    even = replace(
        beats[-1],
        shares=(ReplicaShare(left=50, pace=5.0, reading=112.5), ReplicaShare(left=50, pace=5.0, reading=112.5)),
    )
    one, other = (fed(*beats[:-1], last).estimate(60).predicted for last in (slow, even))
    assert one is not None
    assert other is not None
    assert one > 1.9 * other


def test_a_replica_that_got_the_long_prompts_is_not_slow() -> None:
    """It writes two tokens in a second where all replicas write five, and reads the more for it."""
    beats = steady(60, live=2)
    even = replace(beats[-1], shares=(ReplicaShare(left=104, pace=5.0, reading=112.5),) * 2)
    model = fed(*beats[:-1], even)
    price = model.rate.price.value
    reads = ReplicaShare(left=104, pace=2.0, reading=112.5 + 3.0 / price)
    lopsided = replace(beats[-1], shares=(even.shares[0], reads))
    one, other = (fed(*beats[:-1], last).estimate(60).predicted for last in (lopsided, even))
    assert one == pytest.approx(other)


def test_replicas_to_come_count_before_the_work() -> None:
    phases = {"model_load": PhasePrior(seconds=60)}
    priors = Priors(rate=100, phases=phases)
    one, four = (
        fed(beat(0, 0, 0, Phase.MODEL_LOAD, phase_seconds=0.0, live=0, wanted=n), priors=priors).estimate(0)
        for n in (1, 4)
    )
    assert dict(one.parts)["work"] == pytest.approx(4 * dict(four.parts)["work"])


def test_a_finished_job_returns_what_it_learned() -> None:
    model = fed(*steady(60), beat(300, 400, 0, Phase.DONE))
    learned = model.learned(300)
    assert learned.effort is not None
    assert learned.effort.tokens / learned.effort.slot_seconds == pytest.approx(5)
    assert learned.rate is not None
    assert learned.rate > 16 * 5


@pytest.mark.parametrize(("slots", "factor"), [(16, 1.1), (133, 2**0.5), (200, 2.0), (400, 2.0)])
def test_a_small_job_has_a_wide_interval_whatever_history_says(slots: int, factor: float) -> None:
    """400 rows are 25, 3, 2 and one batch of these engines."""
    sure = Spread(knots=(LogQuantiles(p10=-math.log(1.1), p50=0.0, p90=math.log(1.1)),) * len(KNOTS))
    model = EtaModel(slots, spread=sure)
    for each in steady(60):
        model.observe(each)
    seconds = model.estimate(60).seconds
    assert seconds is not None
    assert (seconds.p50 / seconds.p10, seconds.p90 / seconds.p50) == pytest.approx((factor, factor), rel=0.01)


@pytest.mark.parametrize(("slots", "share", "speed"), [(16, 0.5, 12), (16, 0.1, 8.8), (8, 0.5, 8), (64, 0.5, None)])
def test_a_job_of_one_batch_teaches_how_fast_a_full_engine_is(slots: int, share: float, speed: float | None) -> None:
    """Eight rows, all in the engine at once: as many row-seconds of work in a second as a full one does, or fewer."""
    model = EtaModel(slots, Priors(fixed_share=share))
    for at, ended in ((0.0, 0), (5.0, 0), (10.0, 4), (15.0, 8)):
        phase = Phase.DONE if ended == 8 else Phase.WORK
        held = (ReplicaShare(left=8 - ended),)
        model.observe(replace(beat(at, 0, 0, phase, shares=held), cells=cells(ended, 8 - ended, rows=8)))
    found = model.learned(15).rate
    assert found == (None if speed is None else pytest.approx(speed * model.rate.units))


def test_a_job_that_was_never_seen_in_an_engine_teaches_no_speed() -> None:
    model = fed(replace(beat(0, 0, 0), cells=cells(0, 0, rows=8)), replace(beat(5, 0, 0), cells=cells(8, 0, rows=8)))
    assert model.rate.known
    assert model.learned(5).rate is None


def test_finished_is_now_and_a_new_generation_starts_anew() -> None:
    model = fed(*steady(60), beat(300, 400, 0, Phase.DONE))
    assert model.estimate(301).state is EtaState.FINISHED
    assert fed(*steady(60), beat(300, 400, 0, Phase.TAIL)).estimate(300).predicted == Priors().commit_seconds
    model.observe(beat(400, 0, 16, Phase.WORK, generation=2))
    assert model.estimate(401).state is EtaState.UNKNOWN
    model.observe(beat(402, 200, generation=1))  # a late heartbeat of the generation before
    assert model.estimate(403).state is EtaState.UNKNOWN


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.CANCELLED, Phase.DRAINED])
def test_a_job_that_stopped_unfinished_has_no_eta(phase: Phase) -> None:
    found = fed(*steady(60), beat(65, 96, 0, phase)).estimate(66)
    assert (found.state, found.seconds, found.miss_probability(10)) == (EtaState.UNKNOWN, None, None)


jobs = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 16), st.integers(0, 3)), min_size=2, max_size=40)


def beats_of(steps: list[tuple[int, int, int]], shift: float = 0.0) -> list[Observation]:
    ended, found = 0, []
    for n, (gained, running, live) in enumerate(steps):
        ended = min(384, ended + 4 * (gained // 4))
        found.append(beat(shift + 5.0 * (n + 1), ended, 4 * (running // 4), live=live))
    return found


@settings(max_examples=60)
@given(jobs, st.floats(0, 50))
def test_numbers_are_ordered_finite_and_chances_fall_with_time(steps: list[tuple[int, int, int]], later: float) -> None:
    beats = beats_of(steps)
    found = fed(*beats).estimate(beats[-1].at + later)
    if found.seconds is None:
        assert found.state in {EtaState.UNKNOWN, EtaState.STALLED}
        return
    assert 0 <= found.seconds.p10 <= found.seconds.p50 <= found.seconds.p90 < float("inf")
    chances = [found.miss_probability(left) for left in (0, 1, 10, 100, 1000, 10_000, 1e7)]
    assert chances == sorted(chances, reverse=True)
    assert all(0 <= chance <= 1 for chance in chances)


@settings(max_examples=30)
@given(jobs, st.integers(1, 10_000), st.randoms(use_true_random=False))
def test_neither_the_clock_nor_the_order_of_cells_matters(steps, shift, dice) -> None:
    plain, moved = EtaModel(SLOTS), EtaModel(SLOTS)
    for one, other in zip(beats_of(steps), beats_of(steps, 64.0 * shift), strict=True):
        plain.observe(one)
        moved.observe(replace(other, cells=tuple(dice.sample(other.cells, len(other.cells)))))
    at = 5.0 * len(steps)
    one, other = plain.estimate(at), moved.estimate(at + 64.0 * shift)
    assert one.state is other.state
    if one.predicted is not None:
        assert other.predicted == pytest.approx(one.predicted, rel=1e-6)


@settings(max_examples=30)
@given(jobs, st.sampled_from([0.25, 2.0, 8.0]))
def test_units_of_length_do_not_matter(steps: list[tuple[int, int, int]], factor: float) -> None:
    """Bytes instead of characters, with a price and a level that match, change nothing."""
    base = Priors()
    scaled = Priors(
        price=base.price / factor,
        lengths=base.lengths.model_copy(update={"level": base.lengths.level * factor**-base.lengths.slope}),
    )
    plain, other = EtaModel(SLOTS), EtaModel(SLOTS, scaled)
    for each in beats_of(steps):
        plain.observe(each)
        bytes_ = tuple(c.model_copy(update={"chars": round(c.chars * factor)}) for c in each.cells)
        other.observe(replace(each, cells=bytes_))
    one, two = plain.estimate(each.at), other.estimate(each.at)
    if one.predicted is not None:
        assert two.predicted == pytest.approx(one.predicted, rel=1e-3)
