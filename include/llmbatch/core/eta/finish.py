"""When the replica that ends last is done, if each already holds some of the work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from llmbatch.core.eta.footing import Footing
from llmbatch.core.eta.observation import Observation
from llmbatch.core.eta.tail import Drain
from llmbatch.core.progress import ReplicaShare

_REAL_DIFFERENCE = 0.15
"""Logarithm of a relative pace below which a difference between replicas counts as noise."""


@dataclass(frozen=True)
class Load:
    """One replica's part of the work.

    Attributes:
        held: work units that it holds.
        speed: work units per second, above 0.
        pace: its speed relative to that of all replicas.
    """

    held: float
    speed: float
    pace: float = 1.0


@dataclass(frozen=True)
class Finish:
    """When a replica is done: seconds of full work, then seconds that its last rows take beyond that."""

    work_seconds: float = 0.0
    drain_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """Seconds from now until the replica's last row has ended."""
        return self.work_seconds + self.drain_seconds


def seconds_to_finish(loads: Sequence[Load], free: float) -> tuple[float, ...]:
    """Return when each replica is done, if each takes new work whenever it has done some, until none is free.

    So a replica, however slow, still holds about what it holds now when the free work runs out, and ends with that.
    Holdings differ, since shards are handed out by number and some have more left to do; which replica holds much
    changes all the time, that one does is as sure later as now. Two replicas of 10 and 5 units/s hold 100 each, and 150
    units are free: these are gone after 10 s; 20 and 30 s.
    """
    wait = free / sum(load.speed for load in loads)
    return tuple(wait + load.held / load.speed for load in loads)


def last_finish(
    seen: Observation, on: Footing, units: float, speed: float, last_rows: Drain, fixed_share: float
) -> Finish:
    """Return when the replica that ends last is done.

    A decoding step costs the same fixed part for one row as for a full batch, and the longest row sets the number
    of steps: that is what the drain takes beyond what its tokens would take at the full rate. No prompt is read
    then, so that a row writes a token where it did a unit of work before.

    Args:
        seen: the last heartbeat.
        on: what the prediction rests on.
        units: work units left in the job.
        speed: work units per second of one replica.
        last_rows: the drain of one replica's batch.
        fixed_share: part of a decoding step that does not shrink with the batch.
    """
    rows = sum(cell.left for cell in seen.cells)
    if not rows:
        return Finish()
    shares = seen.shares or (ReplicaShare(),) * max(1, seen.live or seen.wanted)
    held = min(1.0, sum(share.left for share in shares) / rows)
    paces = zip(shares, _paces(shares, on.rate.price.value), strict=True)
    loads = [Load(share.left * units / rows, speed * pace, pace) for share, pace in paces]
    finishes = []
    for load, work_seconds in zip(loads, seconds_to_finish(loads, units * (1 - held)), strict=True):
        last = min(on.batch, work_seconds * load.speed * rows / units) if units else 0.0
        steps = max(0.0, last_rows.longest_tokens - last / on.batch * last_rows.mean_tokens) if last else 0.0
        drain_seconds = fixed_share * steps / (on.rate.units * load.pace) if on.rate.known else 0.0
        finishes.append(Finish(work_seconds, drain_seconds))
    return max(finishes, key=lambda finish: finish.seconds)


def _paces(shares: Sequence[ReplicaShare], price: float) -> list[float]:
    """Paces of replicas against their mean; what is less than a real difference is noise, which a maximum gathers.

    In units, not in tokens: a replica with the long prompts reads more and writes less, and is not slower for it.
    """
    units = [0.0 if s.pace is None or s.reading is None else s.pace + price * s.reading for s in shares]
    known = [each for each in units if each > 0]
    if not known:
        return [1.0] * len(shares)
    mean = sum(known) / len(known)
    relative = [each / mean if each > 0 else 1.0 for each in units]
    return [each if abs(math.log(each)) > _REAL_DIFFERENCE else 1.0 for each in relative]
