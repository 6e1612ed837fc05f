"""What is believed of a job when it is accepted: the driver's ETA model starts from it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from llmbatch.core.eta.priors import Priors
from llmbatch.core.eta.spread import Spread


class EtaBasis(BaseModel):
    """``eta/basis.json`` of a job, frozen like its spec, so that its estimates can be repeated.

    Attributes:
        engine: the history's name for what makes jobs comparable in speed.
        template: the history's name for what makes them comparable in answers.
        jobs: finished jobs of that engine behind the beliefs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    engine: str
    template: str = ""
    jobs: int = 0
    priors: Priors = Priors()
    spread: Spread = Spread.default()
