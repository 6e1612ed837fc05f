"""The parts of the ETA model, each by worked examples."""

from __future__ import annotations

import math
import random

import pytest

from llmbatch.core.eta import capped_lognormal
from llmbatch.core.eta.engine_fit import JobEffort, engine_fit
from llmbatch.core.eta.estimate import Estimate
from llmbatch.core.eta.finish import Load, seconds_to_finish
from llmbatch.core.eta.learned import fixed_share_of
from llmbatch.core.eta.lengths import OutputLengths
from llmbatch.core.eta.phases import seconds_until_work
from llmbatch.core.eta.priors import LengthPrior, PhasePrior, Priors
from llmbatch.core.eta.rate import Effort, ReadingPrice, WorkRate
from llmbatch.core.eta.reach import reach_of
from llmbatch.core.eta.spread import LogQuantiles, Spread, conformal, miss_probability
from llmbatch.core.eta.tail import drain
from llmbatch.core.length_cells import LengthCell, bucket_of
from llmbatch.core.progress import EtaState
from llmbatch.core.states import Phase


def cell(bucket: int = 20, rows: int = 100, **values: float) -> LengthCell:
    given = {"chars": rows * 1000, "limit": 4000} | values
    return LengthCell(bucket=bucket, rows=rows, **given)


def answered(bucket: int, chars: float, lengths: list[int], rows: int | None = None, limit: int = 4000) -> LengthCell:
    count = len(lengths)
    return LengthCell(
        bucket=bucket, limit=limit, rows=rows or count, chars=int(chars * (rows or count)), ended=count, answered=count,
        tokens=sum(lengths), tokens_squared=sum(n * n for n in lengths), answered_seconds=float(sum(lengths)),
    )  # fmt: skip


@pytest.mark.parametrize(("chars", "bucket"), [(0, 0), (1, 0), (100, 13), (141, 14), (200, 15), (400_000, 37)])
def test_bucket(chars: int, bucket: int) -> None:
    assert bucket_of(chars) == bucket


@pytest.mark.parametrize("reached", [0.0, 50.0, 200.0, 450.0])
def test_residual_is_what_sampling_gives(reached: float) -> None:
    dice, cap = random.Random(1), 500.0
    drawn = [n for n in (dice.lognormvariate(5, 0.7) for _ in range(200_000)) if n > reached]
    expected = sum(min(cap, n) - reached for n in drawn) / len(drawn)
    assert capped_lognormal.residual(5, 0.7, cap, reached) == pytest.approx(expected, rel=0.03)
    square = sum(min(cap, n) ** 2 for n in drawn) / len(drawn)
    assert capped_lognormal.second_moment(5, 0.7, cap, reached) == pytest.approx(square, rel=0.03)


def test_unfinished_rows_correct_the_bias_of_early_answers() -> None:
    """Of 400 rows begun together, those that ended first are short: their mean is far below the truth."""
    dice = random.Random(3)
    drawn = [max(1, round(dice.lognormvariate(5, 0.6))) for _ in range(400)]
    truth, reached = sum(drawn) / len(drawn), 100
    short = [n for n in drawn if n <= reached]
    seen = answered(20, 1000, short, rows=400).model_copy(update={"running": 400 - len(short)})
    lengths = OutputLengths(LengthPrior(level=50))
    for _ in range(20):
        lengths.fit([seen], {seen.key: (reached, reached)})
    assert sum(short) / len(short) < 0.6 * truth
    assert lengths.expected(seen) == pytest.approx(truth, rel=0.12)


def test_longer_inputs_are_extrapolated() -> None:
    """Answers of 10 x sqrt(chars) in the short cells: the unseen cell of 6400 characters gets about 800."""
    seen = [answered(n, c, [round(10 * math.sqrt(c))] * 200) for n, c in ((17, 400), (19, 800), (21, 1600), (23, 3200))]
    lengths = OutputLengths(LengthPrior())
    lengths.fit(seen, {})
    assert lengths.expected(cell(25, 50, chars=50 * 6400)) == pytest.approx(
        800, rel=0.15
    )  # held back a little by the prior


def test_templates_keep_their_own_level() -> None:
    brief = answered(20, 1000, [10] * 100).model_copy(update={"template": "brief"})
    long = answered(20, 1000, [300] * 100).model_copy(update={"template": "long"})
    lengths = OutputLengths(LengthPrior())
    lengths.fit([brief, long], {})
    other = brief.model_copy(update={"bucket": 22, "chars": 200_000})
    assert lengths.expected(other) < 30


def test_what_rows_allow_is_known_before_any_answer() -> None:
    """Other jobs had answers of 100 tokens where 160 were allowed: 10 are expected where 16 are, and never more."""
    lengths, cells = OutputLengths(LengthPrior(level=100, slope=0)), [cell(limit=160), cell(limit=16)]
    lengths.fit(cells, {})
    assert [lengths.expected(each) for each in cells] == pytest.approx([100, 10])
    assert OutputLengths(LengthPrior(level=160)).expected(cell(limit=16)) <= 16


@pytest.mark.parametrize(
    ("limits", "tokens", "unseen"), [((16, 64, 256), (16, 64, 256), 128), ((256, 512, 1024), (100,) * 3, 100)]
)
def test_whether_limits_cut_answers_is_learned(limits: tuple[int, ...], tokens: tuple[int, ...], unseen: float) -> None:
    """Answers that go on to their limit, and answers that do not care: what follows for a limit not seen yet."""
    seen = [answered(20, 1000, [n] * 200, limit=limit) for limit, n in zip(limits, tokens, strict=True)]
    lengths = OutputLengths(LengthPrior())
    for _ in range(3):
        lengths.fit(seen, {})
    assert lengths.expected(cell(limit=limits[-1] // 2 if unseen == 128 else 700)) == pytest.approx(unseen, rel=0.12)
    assert [lengths.expected(each) for each in seen] == pytest.approx(tokens, rel=0.05)


def test_reach_keeps_young_and_old_apart() -> None:
    seen = cell(running=2, running_seconds=40.0, running_seconds_squared=1000.0)
    assert reach_of([seen], 2.0)[seen.key] == pytest.approx((20, 60))
    short = seen.model_copy(update={"limit": 50})
    assert reach_of([short], 2.0)[short.key] == pytest.approx((20, 0.95 * 50))


def test_rate_is_work_over_the_seconds_of_the_rows_that_did_it() -> None:
    rate = WorkRate(Priors(price=0.01))
    assert not rate.known
    rate.work(5, Effort(tokens=300, chars=10_000, seconds=100))
    assert rate.tokens == pytest.approx(3)
    assert rate.units == pytest.approx(3 + rate.price.value * 100)


def test_a_change_of_pace_is_noticed_and_noise_is_not() -> None:
    dice, rate = random.Random(2), WorkRate(Priors())
    for _ in range(400):
        rate.work(5, Effort(tokens=100 * dice.uniform(0.9, 1.1), seconds=50))
    assert rate.resets == 0
    for _ in range(24):
        rate.work(5, Effort(tokens=50, seconds=50))
    assert rate.resets >= 1
    assert rate.tokens == pytest.approx(1.0, rel=0.05)


def test_price_is_learned_from_a_constant_wait() -> None:
    """Rows of 10 and of 100 tokens wait 50 token times for the same 1000 characters: 0.05 a character."""
    price = ReadingPrice(Priors(price=0.02))
    for n in range(10, 110, 10):
        price.learn(Effort(tokens=n, chars=1000, seconds=(n + 50) * 0.3))
    assert price.value == pytest.approx(0.05, rel=0.3)


def test_many_cells_of_few_rows_add_up_to_what_was_answered() -> None:
    """The mean of logarithms is below the logarithm of the mean, the more so the fewer rows a cell has."""
    dice = random.Random(5)
    cells = [
        answered(10 + n, 100 * 1.2**n, [max(1, round(dice.lognormvariate(5, 1.0))) for _ in range(3)])
        for n in range(40)
    ]
    lengths = OutputLengths(LengthPrior())
    for _ in range(5):
        lengths.fit(cells, {})
    assert sum(3 * lengths.expected(each) for each in cells) == pytest.approx(sum(c.tokens for c in cells), rel=0.03)


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


def efforts(price: float, speed: float, ratios: tuple[float, ...]) -> list[JobEffort]:
    """Jobs of 1000 tokens on an engine of 32 slots that does ``speed`` units in a slot-second."""
    return [
        JobEffort(tokens=1000, chars=1000 * x, slot_seconds=1000 * (1 + price * x) / speed, slots=32) for x in ratios
    ]


def test_jobs_together_tell_what_reading_costs() -> None:
    """0.05 tokens a character and 32 x 2 units a second, even if one job of six was slowed down to a third."""
    jobs = efforts(0.05, 2.0, (2, 5, 9, 14, 20))
    slow = jobs[2].model_copy(update={"slot_seconds": 3 * jobs[2].slot_seconds})
    assert engine_fit([*jobs, slow]) == pytest.approx((0.05, 64), rel=0.1)


@pytest.mark.parametrize("ratios", [(2, 5, 9), (7, 7, 7, 7, 7), ()])
def test_few_or_equal_jobs_tell_nothing_of_reading(ratios: tuple[float, ...]) -> None:
    assert engine_fit(efforts(0.05, 2.0, ratios)) is None


@pytest.mark.parametrize(("ended", "share"), [(100, 0.5), (84, 0.3), (50, 0.05), (200, 1.0), (0, None)])
def test_the_drain_gives_the_fixed_share(ended: float, share: float | None) -> None:
    parts = (("start", 0.0), ("work", 60.0), ("tail", 40.0), ("commit", 0.0))
    begun = Estimate(EtaState.ESTIMATED, 0.0, "", 0.9, None, 100.0, parts)
    assert fixed_share_of(begun, ended, 0.5) == (None if share is None else pytest.approx(share))


def test_a_short_drain_does_not_tell() -> None:
    parts = (("work", 95.0), ("tail", 5.0))
    assert fixed_share_of(Estimate(EtaState.ESTIMATED, 0.0, "", 0.9, None, 100.0, parts), 90, 0.5) is None
    assert fixed_share_of(None, 90, 0.5) is None


def test_drain_ends_with_its_longest_row() -> None:
    lengths = OutputLengths(LengthPrior(level=100, slope=0, spread=0.5))
    waiting = drain([cell(rows=1000, limit=1000)], lengths, {}, 64)
    assert waiting.rows == 64
    assert waiting.mean_tokens < waiting.longest_tokens < 1000
    last = cell(rows=100, ended=98, running=2, limit=1000)
    few = drain([last], lengths, {last.key: (90, 110)}, 64)
    assert few.rows == 2
    assert few.longest_tokens < waiting.longest_tokens
    assert drain([cell(ended=100)], lengths, {}, 64).rows == 0


def test_no_row_of_the_drain_outlives_its_own_limit() -> None:
    """Answers of 600 tokens were seen in other jobs: of rows that may have 200, none takes longer than that."""
    lengths = OutputLengths(LengthPrior(level=600, slope=0, spread=0.5))
    short = drain([cell(rows=1000, limit=200)], lengths, {}, 64)
    assert 100 < short.longest_tokens <= 200
    last = cell(rows=100, ended=98, running=2, limit=200)
    assert drain([last], lengths, {last.key: (50, 90)}, 64).longest_tokens <= 150


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


@pytest.mark.parametrize(("progress", "factor"), [(0.0, 2.5), (0.25, 1.5), (0.5, 1.3), (0.8, 1.3), (1.0, 1.3)])
def test_default_interval(progress: float, factor: float) -> None:
    low, middle, high = Spread.default().at(progress).factors()
    assert (low, middle, high) == pytest.approx((1 / factor, 1, factor))


def test_conformal_covers_at_its_stated_rate() -> None:
    dice, held, wide = random.Random(5), 0, LogQuantiles(p10=-1, p50=0, p90=1)
    for _ in range(400):
        found = conformal([dice.gauss(0.1, 0.3) for _ in range(30)], wide)
        held += found.p10 <= dice.gauss(0.1, 0.3) <= found.p90
    assert 0.74 < held / 400 < 0.86


@pytest.mark.parametrize(("shift", "middle"), [(0.0, 0.0), (0.05, 0.0), (-0.05, 0.0), (0.3, 0.3), (-0.3, -0.3)])
def test_the_middle_moves_only_if_the_prediction_is_plainly_off(shift: float, middle: float) -> None:
    """Ratios from -0.2 to 0.2 around the shift: their middle half is 0.1 to each side."""
    ratios = [shift + 0.02 * (n - 10) for n in range(21)]
    found = conformal(ratios, LogQuantiles(p10=-1, p50=0, p90=1))
    assert found.p50 == pytest.approx(middle)
    assert found.p10 == pytest.approx(shift - 0.176, abs=0.01)


def test_few_ratios_stay_wide() -> None:
    wide = LogQuantiles(p10=-1, p50=0, p90=1)
    assert conformal([], wide) == wide
    assert conformal([0.1], wide).p90 > 0.8


@pytest.mark.parametrize(("left", "chance"), [(200, 0.1), (100, 0.5), (50, 0.9), (0, 1.0), (-5, 1.0), (1e9, 0.0)])
def test_miss_probability(left: float, chance: float) -> None:
    assert miss_probability(left, 50, 100, 200) == pytest.approx(chance, abs=1e-6)
