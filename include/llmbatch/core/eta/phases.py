"""Phases before the first row: how long until work begins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

from llmbatch.core.eta.priors import PhasePrior
from llmbatch.core.states import Phase

BEFORE_WORK = (Phase.QUEUED, Phase.CLUSTER, Phase.MODEL_LOAD)
_NORMAL = NormalDist()


def seconds_until_work(phase: Phase, elapsed: float, priors: Mapping[str, PhasePrior]) -> float | None:
    """Median seconds until the first row enters an engine; 0 from work on, None if a phase has no prior.

    A model that loads in 60 s (median) and has loaded for 60 s is not done now: the median of what such loads still
    take is given.
    """
    if phase not in BEFORE_WORK:
        return 0.0
    ahead = [priors.get(each.value) for each in BEFORE_WORK[BEFORE_WORK.index(phase) :]]
    now, later = ahead[0], ahead[1:]
    if now is None or any(prior is None for prior in later):
        return None
    return _left(now, elapsed) + sum(prior.seconds for prior in later if prior is not None)


def _left(prior: PhasePrior, elapsed: float) -> float:
    """Median of the rest of a phase that has taken ``elapsed`` already."""
    if elapsed <= 0:
        return prior.seconds
    passed = _NORMAL.cdf(math.log(elapsed / prior.seconds) / prior.spread)
    middle = min(1 - 1e-9, (1 + passed) / 2)
    return max(0.0, prior.seconds * math.exp(prior.spread * _NORMAL.inv_cdf(middle)) - elapsed)
