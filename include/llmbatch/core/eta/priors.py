"""What is believed of a job before its first heartbeat."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Belief(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LengthPrior(_Belief):
    """Output tokens against input characters: ``tokens = level x (chars / 1000)^slope``, log-normal around it.

    A share ``long`` of the rows is of another kind and may have any length up to its limit. ``rows`` is how many
    answered rows the belief about level and spread is worth.
    """

    level: float = 150.0
    slope: float = 0.4
    slope_error: float = 0.3
    spread: float = 0.6
    long: float = 0.002
    rows: float = 2.0


class PhasePrior(_Belief):
    """How long a phase takes: log-normal with this median; ``spread`` is the deviation of its logarithm."""

    seconds: float
    spread: float = 0.8


class Priors(_Belief):
    """Beliefs from history or from a benchmark job.

    Attributes:
        lengths: of answers.
        price: work of reading one input character, in output tokens; default: 0.12 for a token of 4 characters.
        price_factor: the price is believed right within this factor, either way.
        fixed_share: part of the time of one decoding step that does not shrink with the batch.
        rate: work units a replica does in a second; None: nothing is known before the first answer.
        phases: by phase name.
        commit_seconds: between the last answer and the last commit.
    """

    lengths: LengthPrior = LengthPrior()
    price: float = 0.03
    price_factor: float = 3.0
    fixed_share: float = 0.5
    rate: float | None = None
    phases: dict[str, PhasePrior] = {}
    commit_seconds: float = 1.0
