"""When the last of several replicas is done, if each already holds some of the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """Work units that a replica holds, and its speed in units per second."""

    held: float
    speed: float
    binding: bool = True
    """Whether nobody ends before this replica has done what it holds."""


def seconds_to_finish(loads: Sequence[Load], free: float) -> float:
    """Return when the last replica is done; ``free`` units go to whoever is free first.

    Two replicas at 10 units/s hold 100 and 300; 50 free units are taken by the first, which ends at 15 s, but the
    second needs 30 s: 30. With 400 free units both end at 40 s.
    """
    speed = sum(load.speed for load in loads)
    if speed <= 0:
        return 0.0
    bound = max((load.held / load.speed for load in loads if load.binding and load.speed > 0), default=0.0)
    return max(bound, (free + sum(load.held for load in loads)) / speed)
