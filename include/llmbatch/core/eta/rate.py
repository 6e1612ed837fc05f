"""Work done in a slot-second, and what reading a character costs against writing a token."""

from __future__ import annotations

import math
from dataclasses import dataclass

from llmbatch.core.eta.priors import Priors

_SHORTEST_HALF_LIFE = 60.0
_BLOCK_SECONDS = 15.0
_DRIFT, _ALARM = 0.12, 0.9
_STEPS = (-3, -2, -1, 0, 1, 2, 3)
_NOISE = 0.05


@dataclass
class Effort:
    """Sums over answered rows, possibly decayed: tokens written, characters read, seconds in a slot of an engine."""

    tokens: float = 0.0
    chars: float = 0.0
    seconds: float = 0.0

    def add(self, other: Effort, keep: float = 1.0) -> None:
        """Decay what there is by ``keep`` and add ``other``."""
        self.tokens = self.tokens * keep + other.tokens
        self.chars = self.chars * keep + other.chars
        self.seconds = self.seconds * keep + other.seconds

    def less(self, other: Effort) -> Effort:
        """Return what has come to the other one."""
        return Effort(self.tokens - other.tokens, self.chars - other.chars, self.seconds - other.seconds)

    def units(self, price: float) -> float:
        """Work units: output tokens, and characters at their price."""
        return self.tokens + price * self.chars


class ReadingPrice:
    """Fits ``slot-seconds = a x (tokens + price x characters)`` to rows that began together with the job.

    All of them have waited for the same prompts to be read, whatever their own length, so that the short ones show what
    reading costs. Later, long rows wait for more prompts of others than short ones do, and the two mix.
    """

    def __init__(self, priors: Priors) -> None:
        step = math.log(priors.price_factor)
        self._candidates = [math.exp(math.log(priors.price) + step * n / 1.5) for n in _STEPS]
        self._beliefs = [-0.5 * (n / 1.5) ** 2 for n in _STEPS]
        self._tt = self._tc = self._cc = self._ty = self._cy = self._yy = 0.0
        self._blocks = 0
        self.value = priors.price

    def learn(self, block: Effort) -> None:
        """Take one block of at least some seconds."""
        t, c, y = block.tokens, block.chars, block.seconds
        self._tt += t * t
        self._tc += t * c
        self._cc += c * c
        self._ty += t * y
        self._cy += c * y
        self._yy += y * y
        self._blocks += 1
        scores = [
            belief - 0.5 * self._blocks * math.log(self._misfit(p) + _NOISE**2)
            for p, belief in zip(self._candidates, self._beliefs, strict=True)
        ]
        best = max(scores)
        shares = [math.exp(score - best) for score in scores]
        logs = sum(share * math.log(p) for share, p in zip(shares, self._candidates, strict=True))
        self.value = math.exp(logs / sum(shares))

    def _misfit(self, price: float) -> float:
        """Part of the seconds' squares that work at this price does not explain."""
        along = self._ty + price * self._cy
        square = self._tt + 2 * price * self._tc + price * price * self._cc
        return max(0.0, 1 - along * along / (square * self._yy)) if square > 0 and self._yy > 0 else 1.0


class WorkRate:
    """Exponentially weighted work per slot-second; forgets at once when a change shows.

    Rows that are decoded together advance at one pace, so that answered rows show the pace well even when they are few
    and shorter than the others, and rows that end in bursts do no harm: work is divided by the seconds of the very rows
    that did it (Little's law), not by the clock. Speed is this rate times slots of live replicas: when one of two
    replicas is lost, the next heartbeat halves it.

    The half-life is a tenth of the time worked so far, at least a minute.
    """

    def __init__(self, priors: Priors) -> None:
        self.price = ReadingPrice(priors)
        self._sum = Effort()
        self._block = Effort()
        self._block_age = 0.0
        self._since_change = {1: Effort(), -1: Effort()}
        self._alarm = {1: 0.0, -1: 0.0}
        self._worked = 0.0
        self.resets = 0

    @property
    def known(self) -> bool:
        """Whether any answer has been seen."""
        return self._sum.seconds > 0

    @property
    def units(self) -> float:
        """Work units in a slot-second."""
        return self._sum.units(self.price.value) / self._sum.seconds

    @property
    def tokens(self) -> float:
        """Tokens in a slot-second: the pace of one row."""
        return self._sum.tokens / self._sum.seconds

    def work(self, wall_seconds: float, effort: Effort) -> None:
        """Take the rows answered in the last ``wall_seconds``."""
        self._worked += wall_seconds
        half_life = max(_SHORTEST_HALF_LIFE, self._worked / 10)
        self._sum.add(effort, 0.5 ** (wall_seconds / half_life))
        self._block.add(effort)
        self._block_age += wall_seconds
        if self._block_age >= _BLOCK_SECONDS and self._block.seconds > 0:
            block, self._block, self._block_age = self._block, Effort(), 0.0
            self._watch(block)

    def discount(self, keep: float) -> None:
        """Let what was learned so far count for less."""
        self._sum.add(Effort(), keep)

    def _watch(self, block: Effort) -> None:
        """Two-sided CUSUM of a block's rate against the average; past the alarm only what came since counts."""
        price = self.price.value
        surprise = block.units(price) / block.seconds / self.units - 1
        for side in (1, -1):
            self._alarm[side] = max(0.0, self._alarm[side] + min(1.0, side * surprise) - _DRIFT)
            if self._alarm[side] == 0.0:
                self._since_change[side] = Effort()
            else:
                self._since_change[side].add(block)
            if self._alarm[side] > _ALARM:
                self._sum = self._since_change[side]
                self._since_change = {1: Effort(), -1: Effort()}
                self._alarm = {1: 0.0, -1: 0.0}
                self.resets += 1
                return
