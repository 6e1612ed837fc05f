"""What was learned from one job about its engine and its template, for the history."""

from __future__ import annotations

import math
from dataclasses import dataclass

from llmbatch.core.eta.engine_fit import JobEffort
from llmbatch.core.eta.estimate import Estimate
from llmbatch.core.eta.lengths import OutputLengths
from llmbatch.core.eta.priors import LengthPrior

_LEAST, _MOST = 0.05, 1.0
_TELLING = 0.5
"""Decoding steps of the drain at full length, against all else, from which on a job shows their fixed share. What is
believed has no part in it: otherwise a small share, once learned, would make every later drain too short to show it."""


@dataclass(frozen=True)
class Learned:
    """Fields as in ``Priors``; ``rate``, ``fixed_share``, ``effort`` are None if the job was too short.

    ``answers`` is None if none of its rows may have output tokens.
    """

    rate: float | None
    price: float
    answers: LengthPrior | None
    fixed_share: float | None
    effort: JobEffort | None


def fixed_share_of(drain: Estimate | None, finished_at: float, believed: float) -> float | None:
    """Return which fixed share would have made the estimate from the begin of the drain right.

    With a believed share of 0.5, 60 s of work and 40 s of drain, an end after 84 s instead of 100 s means 0.3. None if
    the drain was too short.
    """
    if drain is None or not drain.predicted or finished_at <= drain.at:
        return None
    tail = dict(drain.parts)["tail"]
    steps, rest = tail / believed, drain.predicted - tail
    if steps < _TELLING * rest:
        return None
    return min(_MOST, max(_LEAST, (finished_at - drain.at - rest) / steps))


def answers_of(lengths: OutputLengths) -> LengthPrior:
    """Return a fit as a belief."""
    return LengthPrior(level=math.exp(lengths.level), slope=lengths.slope, spread=lengths.spread, long=lengths.long)
