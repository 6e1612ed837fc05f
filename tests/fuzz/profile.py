"""How many examples a fuzz test runs: a multiple of the profile's, so that ``make fuzz`` runs more of each."""

from __future__ import annotations

from hypothesis import settings


def fuzz(weight: int) -> settings:
    """Return settings with ``weight`` times half of the profile's number of examples."""
    return settings(max_examples=max(1, settings().max_examples * weight // 2))
