"""What finished jobs teach: priors and how wide an interval must be. Pure; the orchestrator stores it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from llmbatch.core.eta.engine_fit import JobEffort, engine_fit
from llmbatch.core.eta.priors import LengthPrior, PhasePrior, Priors
from llmbatch.core.eta.record import Mark
from llmbatch.core.eta.spread import FULL_TRUST_JOBS, KNOTS, Spread, conformal

MOST_JOBS = 500
"""Jobs kept; a job takes about half a kilobyte of JSON."""

_LEAST_SPREAD, _FEW, _FITTED_FACTOR = 0.2, 3, 1.2
_MOST_ROWS = 100.0
_FIXED_JOBS = 2
"""How many jobs the default of the fixed share counts for: what one job shows of it depends on its few last rows."""
_ALIKE = 0.1
"""Variance of the logarithm of the answers' level below which jobs count as runs of one template."""


class FinishedJob(BaseModel):
    """One job in a few numbers.

    Attributes:
        engine: what makes jobs comparable in speed: model and accelerator, and the task.
        task: what its rows asked of the engine: answers, embeddings, ...
        template: what makes them comparable in answers.
        phases: seconds by phase name.
        rate: work units per second of one replica; None if it was never known.
        price: units per input character, as fitted.
        fixed_share: part of a decoding step that does not shrink with the batch; None if the job's drain was too short.
        answers: output tokens against input characters, as fitted.
        effort: what its rows took; with other jobs of the engine it gives price and rate.
        log_ratios: ln(actual / predicted remaining) at each knot.
        marks: the published accuracy.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    job_id: str
    finished_at: AwareDatetime
    engine: str
    task: str = "generate"
    template: str = ""
    replicas: int = 1
    rows: int = 0
    phases: dict[str, float] = {}
    rate: float | None = None
    price: float | None = None
    fixed_share: float | None = None
    answers: LengthPrior | None = None
    effort: JobEffort | None = None
    log_ratios: Annotated[tuple[float | None, ...], Field(min_length=len(KNOTS), max_length=len(KNOTS))]
    marks: tuple[Mark, ...] = ()


class History(BaseModel):
    """Finished jobs, oldest first, bounded."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    jobs: tuple[FinishedJob, ...] = ()

    def with_job(self, job: FinishedJob) -> History:
        """Return the history with a job added; an entry of the same job is replaced, the oldest go beyond the bound."""
        others = [each for each in self.jobs if each.job_id != job.job_id]
        ordered = sorted([*others, job], key=lambda each: (each.finished_at, each.job_id))
        return History(jobs=tuple(ordered[-MOST_JOBS:]))

    def spread_for(self, engine: str, task: str = "generate") -> Spread:
        """Return conformal quantiles of the engine's jobs, mixed with those of all jobs of the task.

        The engine's own stand alone once there are enough of them.
        """
        wide, knots = Spread.default(), []
        alike = [job for job in self.jobs if job.task == task]
        for n, default in enumerate(wide.knots):
            pool = conformal(_at(alike, n), default)
            own = _at([job for job in self.jobs if job.engine == engine], n)
            knots.append(pool.mixed(conformal(own, pool), min(1.0, len(own) / FULL_TRUST_JOBS)))
        return Spread(knots=tuple(knots))

    def priors_for(self, engine: str, template: str = "") -> Priors:
        """Return beliefs from the engine's jobs; where there are none, those of a system without history."""
        mine = [job for job in self.jobs if job.engine == engine]
        base = Priors()
        prices = [job.price for job in mine if job.price]
        rates = [job.rate for job in mine if job.rate]
        fit = engine_fit([job.effort for job in mine if job.effort is not None])
        price, rate = fit or (_middle(prices) if prices else base.price, _middle(rates) if rates else None)
        fixed = [job.fixed_share for job in mine if job.fixed_share]
        names = sorted({name for job in mine for name in job.phases})
        return Priors(
            lengths=_answers([job for job in mine if job.template == template], base.lengths),
            price=price,
            price_factor=_FITTED_FACTOR if fit else base.price_factor,
            fixed_share=_middle([*fixed, *[base.fixed_share] * _FIXED_JOBS]),
            rate=rate,
            phases={name: _phase([job.phases[name] for job in mine if job.phases.get(name, 0) > 0]) for name in names},
        )


def _at(jobs: Sequence[FinishedJob], knot: int) -> list[float]:
    return [ratio for job in jobs if (ratio := job.log_ratios[knot]) is not None]


def _middle(values: Sequence[float]) -> float:
    """Geometric median: of 1, 10 and 1000 it is 10."""
    return math.exp(statistics.median(math.log(value) for value in values))


def _phase(seconds: Sequence[float]) -> PhasePrior:
    if not seconds:
        return PhasePrior(seconds=1.0)
    logs = [math.log(value) for value in seconds]
    spread = max(_LEAST_SPREAD, statistics.stdev(logs)) if len(logs) >= _FEW else PhasePrior(seconds=1.0).spread
    return PhasePrior(seconds=_middle(seconds), spread=spread)


def _answers(jobs: Sequence[FinishedJob], base: LengthPrior) -> LengthPrior:
    """Mean of what these jobs' answers were; worth more rows the more alike they are."""
    fits = [job.answers for job in jobs if job.answers is not None]
    if not fits:
        return base
    spread = statistics.fmean(fit.spread for fit in fits)
    between = statistics.variance([math.log(fit.level) for fit in fits]) if len(fits) >= _FEW else 1.0
    return LengthPrior(
        level=_middle([fit.level for fit in fits]),
        slope=statistics.fmean(fit.slope for fit in fits),
        slope_error=max(0.1, base.slope_error / math.sqrt(1 + len(fits))) if between < _ALIKE else base.slope_error,
        spread=spread,
        long=statistics.fmean(fit.long for fit in fits),
        rows=max(base.rows, min(_MOST_ROWS, spread**2 / max(between, 1e-3))),
    )
