"""The first estimate of a job: before it has begun, from its size and what finished jobs taught."""

from __future__ import annotations

import math
from statistics import NormalDist

from llmbatch.core.eta.basis import EtaBasis
from llmbatch.core.eta.model import EtaModel
from llmbatch.core.eta.observation import Observation
from llmbatch.core.eta.phases import BEFORE_WORK
from llmbatch.core.eta.priors import Priors
from llmbatch.core.input_size import InputSize
from llmbatch.core.progress import EtaSeconds
from llmbatch.core.states import Phase

_Z = NormalDist().inv_cdf(0.9)


def forecast(size: InputSize, slots: int, basis: EtaBasis, replicas: int) -> EtaSeconds | None:
    """Return seconds from the start of the Ray job to the last commit, as if the job had the cluster to itself.

    It is the estimate of the model in the driver at the first heartbeat, wider by the doubt about the size.

    Args:
        size: what there is to do.
        slots: rows that one replica decodes together.
        basis: beliefs; without a rate in them there is no forecast.
        replicas: engines that work on it from the start.

    Returns:
        None if no finished job gives a rate.
    """
    model = EtaModel(slots, basis.priors, basis.spread)
    phase = _first_known_phase(basis.priors)
    model.observe(
        Observation(at=0.0, generation=1, phase=phase, phase_seconds=0.0, cells=size.cells, live=max(1, replicas))
    )
    seconds = model.estimate(0.0).seconds
    return _widened(seconds, size.doubt) if seconds is not None else None


def _first_known_phase(priors: Priors) -> Phase:
    """Return the earliest phase from which on all phases before work have a prior."""
    return next(
        (BEFORE_WORK[n] for n in range(len(BEFORE_WORK)) if all(p.value in priors.phases for p in BEFORE_WORK[n:])),
        Phase.WORK,
    )


def _widened(seconds: EtaSeconds, doubt: float) -> EtaSeconds:
    """Add the doubt about the size to both sides, as independent errors of the logarithm add."""
    extra = _Z * math.log1p(doubt)
    up = math.hypot(math.log(seconds.p90 / seconds.p50), extra) if seconds.p50 > 0 else 0.0
    down = math.hypot(math.log(seconds.p50 / seconds.p10), extra) if seconds.p10 > 0 else 0.0
    return EtaSeconds(p10=seconds.p50 * math.exp(-down), p50=seconds.p50, p90=seconds.p50 * math.exp(up))
