"""What reading costs and how fast an engine is, from several of its jobs: one job alone hardly separates them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import combinations

from pydantic import BaseModel, ConfigDict

_LEAST_JOBS, _MOST_JOBS = 4, 60
_APART = 0.2


class JobEffort(BaseModel):
    """Sums over the rows answered while engines were full, and the rows that one replica decoded together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: float
    chars: float
    slot_seconds: float
    slots: float


def engine_fit(jobs: Sequence[JobEffort]) -> tuple[float, float] | None:
    """Return price (tokens per character) and rate (units per second of a replica); None if they are too few or alike.

    A job's slot-seconds per token are ``a x (1 + price x characters per token)``: a line through the jobs, by the
    median slope of pairs (Theil and Sen), so that a job with a slow node does no harm.
    """
    lately = [job for job in jobs[-_MOST_JOBS:] if job.tokens > 0 and job.slot_seconds > 0]
    if len(lately) < _LEAST_JOBS:
        return None
    points = [(job.chars / job.tokens, job.slot_seconds / job.tokens) for job in lately]
    apart = [(one, two) for one, two in combinations(points, 2) if abs(one[0] - two[0]) > _APART * max(one[0], two[0])]
    if not apart:
        return None
    slope = statistics.median((two[1] - one[1]) / (two[0] - one[0]) for one, two in apart)
    base = statistics.median(y - slope * x for x, y in points)
    if slope <= 0 or base <= 0:
        return None
    return slope / base, statistics.median(job.slots for job in lately) / base
