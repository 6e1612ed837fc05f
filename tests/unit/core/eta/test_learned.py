"""What the drain of a job teaches."""

from __future__ import annotations

import pytest

from llmbatch.core.eta.estimate import Estimate
from llmbatch.core.eta.learned import fixed_share_of
from llmbatch.core.progress import EtaState


@pytest.mark.parametrize(("ended", "share"), [(100, 0.5), (84, 0.3), (50, 0.05), (200, 1.0), (0, None)])
def test_the_drain_gives_the_fixed_share(ended: float, share: float | None) -> None:
    parts = (("start", 0.0), ("work", 60.0), ("tail", 40.0), ("commit", 0.0))
    begun = Estimate(EtaState.ESTIMATED, 0.0, "", 0.9, None, 100.0, parts)
    assert fixed_share_of(begun, ended, 0.5) == (None if share is None else pytest.approx(share))


def test_a_short_drain_does_not_tell() -> None:
    parts = (("work", 95.0), ("tail", 5.0))
    assert fixed_share_of(Estimate(EtaState.ESTIMATED, 0.0, "", 0.9, None, 100.0, parts), 90, 0.5) is None
    assert fixed_share_of(None, 90, 0.5) is None


@pytest.mark.parametrize("believed", [0.05, 0.1, 1.0])
def test_what_is_believed_changes_neither_what_a_drain_shows_nor_whether_it_does(believed: float) -> None:
    """80 s of steps at their full length after 60 s of work."""
    steps = 80 * believed
    parts = (("work", 60.0), ("tail", steps))
    begun = Estimate(EtaState.ESTIMATED, 0.0, "", 0.9, None, 60 + steps, parts)
    assert fixed_share_of(begun, 84.0, believed) == pytest.approx(0.3)
