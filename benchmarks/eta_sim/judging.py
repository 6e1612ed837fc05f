"""One job under all estimators: errors at the marks, and what the red rule would have done."""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from eta_sim.job import EPOCH, Trace
from eta_sim.rivals import RIVALS
from llmbatch.core.alerts import Level
from llmbatch.core.config_sections import SlaConfig
from llmbatch.core.eta.history import FinishedJob
from llmbatch.core.eta.model import EtaModel
from llmbatch.core.eta.observation import observation_of
from llmbatch.core.eta.priors import Priors
from llmbatch.core.eta.record import MARKS, EstimateLog, Mark, covers, relative_error
from llmbatch.core.eta.spread import Spread
from llmbatch.core.sla import LevelMachine

PUBLISHED = (0.25, 0.5, 0.75, 0.9)
"""Parts of the rows ended at which figures are printed."""

RULES = {"red": SlaConfig(), "spec": SlaConfig(red_above=0.3, red_polls=3, red_for=0.0, red_from=0.0)}
"""Alert rules by name: the product's, and that of the first design."""


@dataclass
class Verdict:
    """What came out for one job. ``alerts`` (by rule) and the deadline count from submission, in seconds.

    ``first`` is the first estimate made while rows in flight had tokens and none had an answer; None if there was none.
    """

    trace: Trace
    ours: tuple[Mark, ...]
    errors: dict[str, dict[float, float]]
    deadline: float
    alerts: dict[str, float | None]
    finished: FinishedJob
    first: Mark | None = None
    evaluation_seconds: list[float] = field(default_factory=list)

    @property
    def missed(self) -> bool:
        """Whether the deadline passed before the end."""
        return self.trace.finished_at > self.deadline


def median_error(values: Iterable[float]) -> float | None:
    """Median of absolute relative errors, in percent; None without any."""
    sizes = [abs(value) for value in values]
    return round(100 * statistics.median(sizes), 1) if sizes else None


def lesson_of(
    model: EtaModel,
    log: EstimateLog,
    end: float,
    *,
    job_id: str,
    finished_at: datetime,
    engine: str,
    task: str,
    rows: int,
    phases: dict[str, float],
    template: str = "",
    replicas: int = 1,
) -> FinishedJob:
    """Return what a job that ended at ``end`` (seconds of the epoch) adds to the history."""
    learned = model.learned(end)
    return FinishedJob(
        job_id=job_id,
        finished_at=finished_at,
        engine=engine,
        task=task,
        template=template,
        replicas=replicas,
        rows=rows,
        phases=phases,
        rate=learned.rate,
        price=learned.price,
        fixed_share=learned.fixed_share,
        answers=learned.answers,
        effort=learned.effort,
        log_ratios=log.log_ratios(end),
        marks=log.marks(end),
    )


def judge(trace: Trace, priors: Priors, spread: Spread) -> Verdict:
    """Replay a trace. The deadline is 0.6 to 1.6 times what the job took (log-uniform, seeded by the job's name)."""
    scenario = trace.scenario
    deadline = trace.finished_at * math.exp(random.Random(scenario.name).uniform(math.log(0.6), math.log(1.6)))
    model, log = EtaModel(scenario.slots, priors, spread), EstimateLog()
    rivals = {name: kind() for name, kind in RIVALS.items()}
    errors: dict[str, dict[float, float]] = {name: {} for name in rivals}
    waiting = list(MARKS)
    machines = {name: LevelMachine(EPOCH, EPOCH + timedelta(seconds=deadline), rule) for name, rule in RULES.items()}
    red_at: dict[str, float | None] = dict.fromkeys(RULES)
    costs: list[float] = []
    first: Mark | None = None
    for beat in trace.beats:
        at, observation = trace.at(beat), observation_of(beat)
        begun = time.thread_time()
        model.observe(observation)
        estimate = model.estimate(observation.at)
        costs.append(time.thread_time() - begun)
        written = beat.flight is not None and beat.flight.tokens > 0 and not observation.answered
        if first is None and estimate.seconds is not None and written:
            left, eta = trace.finished_at - at, estimate.seconds
            held = covers(eta.p10, eta.p90, left)
            first = Mark(progress=0.0, error=relative_error(eta.p50, left), covered=held, width=eta.p90 / eta.p10)
        done = beat.rows.ended / beat.rows.total
        log.note(estimate, done)
        answers = {name: rival.observe(at, beat) for name, rival in rivals.items()}
        if waiting and done >= waiting[0] and trace.finished_at > at:
            mark = [each for each in waiting if done >= each][-1]
            waiting = [each for each in waiting if each > mark]
            for name, seconds in answers.items():
                if seconds is not None:
                    errors[name][mark] = relative_error(seconds, trace.finished_at - at)
        if at < min(deadline, trace.finished_at):
            reported = beat.model_copy(update={"eta": estimate.seconds, "work_progress": estimate.progress})
            for name, machine in machines.items():
                machine.observe(reported)
                if red_at[name] is None and Level.RED in machine.due(beat.written_at):
                    red_at[name] = at
    end = EPOCH.timestamp() + trace.finished_at
    finished = lesson_of(
        model,
        log,
        end,
        job_id=scenario.name,
        finished_at=trace.beats[-1].written_at,
        engine=scenario.engine,
        task=scenario.task,
        replicas=scenario.replicas,
        rows=len(scenario.rows),
        phases={name: value for beat in trace.beats for name, value in beat.seconds_phase.items() if value > 0},
    )
    return Verdict(
        trace,
        finished.marks,
        errors,
        deadline,
        red_at,
        finished,
        first,
        costs,
    )
