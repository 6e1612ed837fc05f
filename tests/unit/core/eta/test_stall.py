"""When a job counts as stalled: no heartbeat, or no movement for too long."""

from __future__ import annotations

import pytest

from fakes.eta_beats import beat, fed, steady
from llmbatch.core.progress import EtaState


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
