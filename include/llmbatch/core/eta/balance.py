"""When each of several replicas is done, if each already holds some of the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """Work units that a replica holds, and its speed in units per second (above 0)."""

    held: float
    speed: float


def seconds_to_finish(loads: Sequence[Load], free: float) -> tuple[float, ...]:
    """Return when each replica is done, if each takes new work whenever it has done some, until none is free.

    So a replica, however slow, still holds about what it holds now when the free work runs out, and ends with that.
    Holdings differ, since shards are handed out by number and some have more left to do; which replica holds much
    changes all the time, that one does is as sure later as now. Two replicas of 10 and 5 units/s hold 100 each, and 150
    units are free: these are gone after 10 s; 20 and 30 s.
    """
    wait = free / sum(load.speed for load in loads)
    return tuple(wait + load.held / load.speed for load in loads)
