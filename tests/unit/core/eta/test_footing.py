"""The first estimate, from rows in flight."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes.eta_beats import SLOTS, beat, begun, fed, steady
from llmbatch.core.eta.footing import FirstFooting
from llmbatch.core.eta.model import EtaModel
from llmbatch.core.eta.observation import Observation
from llmbatch.core.eta.priors import Priors
from llmbatch.core.eta.rate import ReadingPrice
from llmbatch.core.eta.spread import Spread
from llmbatch.core.length_cells import LengthCell
from llmbatch.core.progress import EtaState, Flight


def test_the_first_estimate_comes_from_rows_in_flight() -> None:
    """400 tokens of 16 rows that have run for 5 s each: 5 tokens per slot-second, and 225 characters."""
    assert fed(begun(0), begun(2, 0)).estimate(2).state is EtaState.UNKNOWN  # while prompts are read
    young = fed(begun(3, 63)).estimate(3)
    assert young.state is EtaState.UNKNOWN
    assert "63 tokens, which are too few for an estimate" in young.explain()
    assert fed(begun(3, 64)).estimate(3).state is EtaState.ESTIMATED
    model = fed(begun(2, 0), begun(5, 400))
    found = model.estimate(5)
    assert found.state is EtaState.ESTIMATED
    assert "no answer yet: the live rate of rows in flight, and their limits; " in found.explain()
    assert found.seconds is not None
    price = Priors().price
    rate = 16 * (400 + price * 18_000) / 80
    expected = sum(100 * min(256, 150 * (0.3 * 2**n) ** 0.4) for n in range(4)) + price * 100 * 4500
    assert found.predicted == pytest.approx(expected / rate, rel=0.25)  # rows in flight are partly done; the drain
    factors = Spread.default().at(0).factors()
    assert found.seconds.p10 == pytest.approx(factors[0] * found.predicted)
    assert found.seconds.p90 == pytest.approx(factors[2] * found.predicted)


def test_the_first_estimate_is_as_wide_as_one_at_the_begin_however_far_rows_are() -> None:
    """One batch, at 90 % of its limits: nothing but these bounds it yet."""
    model = EtaModel(SLOTS)
    last = [
        LengthCell(
            bucket=20, limit=64, rows=16, chars=16_000, running=16, running_seconds=16 * 29.0,
            running_seconds_squared=16 * 29.0**2,
        )
    ]  # fmt: skip
    model.observe(replace(begun(30, 58 * 16), cells=tuple(last)))
    found = model.estimate(30)
    assert found.progress is not None
    assert found.progress > 0.8
    assert found.seconds is not None
    assert 0 < found.seconds.p10 < found.seconds.p50 < found.seconds.p90 < 60
    assert found.seconds.p90 / found.seconds.p10 == pytest.approx(2.5**2)


def test_rows_in_flight_tell_what_reading_costs() -> None:
    """16 rows wait 22.5 s for 18,000 characters, then write 5 tokens/s each: a character costs a tenth of a token."""

    def after(seconds: float, tokens: int) -> Observation:
        seen = begun(seconds, tokens)
        aged = {"running_seconds": 4 * seconds, "running_seconds_squared": 4 * seconds**2}
        return replace(seen, cells=tuple(cell.model_copy(update=aged) for cell in seen.cells))

    believed = Priors(price=0.02)
    footing = FirstFooting(believed, SLOTS, ReadingPrice(believed))
    assert footing.of(after(22.5, 16)) is None
    found = [footing.of(after(22.5 + more, 16 + round(80 * more))) for more in (10, 20, 30)][-1]
    assert found is not None
    assert found.rate.price.value > 2 * believed.price
    assert found.rate.units == pytest.approx(5, rel=0.2)
    lost = footing.of(after(40, 1000))  # with a replica its rows are gone
    assert lost is not None
    assert lost.rate.price.value == found.rate.price.value


def test_what_rows_allow_bounds_the_first_estimate() -> None:
    def predicted(limit: int) -> float:
        seen = begun(5, 400)
        short = tuple(cell.model_copy(update={"limit": limit}) for cell in seen.cells)
        found = fed(replace(seen, cells=short)).estimate(5).predicted
        assert found is not None
        return found

    assert predicted(32) < predicted(64) < predicted(256) < 10 * predicted(32)


def test_rows_in_flight_go_before_what_earlier_jobs_were_like() -> None:
    """History knows an engine that is ten times as fast; this one writes 5 tokens per slot-second."""
    own, both = fed(begun(5, 400)), fed(begun(5, 400), priors=Priors(rate=1500))
    assert both.estimate(5) == own.estimate(5)
    before = fed(begun(5, 0), priors=Priors(rate=1500)).estimate(5)
    assert before.predicted is not None
    assert "no answer yet" not in before.explain()


def test_a_lost_replica_and_a_pause_have_no_first_estimate() -> None:
    assert fed(begun(5, 400, live=0)).estimate(5).state is EtaState.UNKNOWN
    assert "paused" in fed(begun(5, 400, paused=True)).estimate(5).explain()


def test_a_generation_that_resumes_has_a_first_estimate_of_its_own() -> None:
    model = fed(begun(2, 0), begun(5, 900), *steady(60, begin=10))
    model.observe(begun(80, 10, generation=2))
    assert model.estimate(80).state is EtaState.UNKNOWN
    again = begun(85, 400, generation=2)
    model.observe(again)
    assert model.estimate(85).state is EtaState.ESTIMATED
    assert model.estimate(85) == fed(begun(80, 10, generation=2), again).estimate(85)


def test_rows_in_flight_tell_nothing_once_a_row_has_an_answer() -> None:
    """Not even at the one heartbeat at which a model that comes late has not seen yet how fast answers come."""
    late = replace(beat(60, 96), flight=Flight(tokens=400))
    assert fed(late).estimate(60).state is EtaState.UNKNOWN
