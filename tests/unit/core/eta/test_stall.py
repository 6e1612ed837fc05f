"""When a job counts as stalled: no heartbeat, or no movement for too long."""

from __future__ import annotations

import pytest

from fakes.eta_beats import beat, fed, steady
from llmbatch.core.eta.stall import StallWatch
from llmbatch.core.progress import EtaState
from llmbatch.core.states import Phase


@pytest.mark.parametrize(
    ("now", "state"), [(61, EtaState.ESTIMATED), (119, EtaState.ESTIMATED), (121, EtaState.STALLED)]
)
def test_silence_is_a_stall(now: float, state: EtaState) -> None:
    assert fed(*steady(60)).estimate(now).state is state


def test_standing_still_is_a_stall_and_a_new_row_ends_it() -> None:
    beats = steady(60) + [beat(60 + 5.0 * n, 96) for n in range(1, 62)]
    found = fed(*beats).estimate(365)
    assert (found.state, found.seconds) == (EtaState.STALLED, None)
    assert "no row has ended for 305 s" in found.explain()
    assert fed(*beats, beat(370, 100)).estimate(370).state is EtaState.ESTIMATED


def test_a_pause_is_no_stall_and_does_not_slow_what_comes_after_it() -> None:
    rest = [beat(60 + 5.0 * n, 96, 0, live=0, paused=True) for n in range(1, 200)]
    found = fed(*steady(60), *rest).estimate(1055)
    assert (found.state, found.seconds) == (EtaState.UNKNOWN, None)
    assert "the job is paused" in found.explain()
    after = fed(*steady(60), *rest, beat(1060, 96), beat(1065, 104)).estimate(1065)
    assert after.state is EtaState.ESTIMATED
    assert after.predicted == pytest.approx(fed(*steady(65)).estimate(65).predicted, rel=0.05)


def test_tokens_are_a_sign_of_life_and_their_end_is_a_stall() -> None:
    """Rows of an hour: no row ends, the P95 of the rows before is 12 s, and nothing has stalled while tokens flow."""
    alive = [beat(60 + 5.0 * n, 96, generated=100 * n) for n in range(1, 400)]
    assert fed(*steady(60), *alive).estimate(2055).state is EtaState.ESTIMATED
    still = [beat(2055 + 5.0 * n, 96, generated=39_900) for n in range(1, 62)]
    found = fed(*steady(60), *alive, *still).estimate(2360)
    assert found.state is EtaState.STALLED
    assert "no row has ended and no token was written for 305 s" in found.explain()


@pytest.mark.parametrize(
    ("row_p95", "limit"),
    [(None, 1800), (12.0, 300), (60.0, 300), (100.0, 500)],
)
def test_the_limit_is_five_slow_rows_at_least_five_minutes(row_p95: float | None, limit: float) -> None:
    """Before the first answer, how long a row takes is unknown: then the limit is half an hour."""
    watch = StallWatch()
    watch.see(beat(0, 96, row_p95=row_p95))
    for now, stalled in ((limit, False), (limit + 1, True)):
        last = beat(now, 96, row_p95=row_p95)
        watch.see(last)
        assert (watch.reason(last, now) is not None) is stalled


def test_a_job_that_waits_for_its_engines_does_not_stall_by_its_rows() -> None:
    watch, last = StallWatch(), beat(9999, 0, 0, Phase.MODEL_LOAD)
    watch.see(beat(0, 0, 0, Phase.MODEL_LOAD))
    watch.see(last)
    assert watch.reason(last, 9999) is None
    assert watch.reason(last, 9999 + 61) == "no heartbeat for 61 s"


def test_a_new_generation_and_the_begin_of_work_are_movement() -> None:
    watch = StallWatch()
    for seen in (beat(0, 96), beat(299, 96, generation=2), beat(598, 96, generation=2)):
        watch.see(seen)
        assert watch.reason(seen, seen.at) is None
    watch = StallWatch()
    watch.see(beat(0, 0, phase=Phase.MODEL_LOAD))
    begun = beat(9000, 0)
    watch.see(begun)
    assert watch.reason(begun, 9000) is None
