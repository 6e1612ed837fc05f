"""When a job will be done: an interval that is right as often as it says, and what drives it."""

from llmbatch.core.eta.estimate import Estimate
from llmbatch.core.eta.model import EtaModel
from llmbatch.core.eta.observation import Observation, observation_of
from llmbatch.core.eta.priors import LengthPrior, PhasePrior, Priors
from llmbatch.core.eta.spread import KNOTS, Spread
from llmbatch.core.progress import EtaState

__all__ = [
    "KNOTS",
    "Estimate",
    "EtaModel",
    "EtaState",
    "LengthPrior",
    "Observation",
    "PhasePrior",
    "Priors",
    "Spread",
    "observation_of",
]
