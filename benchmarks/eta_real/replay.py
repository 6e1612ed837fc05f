"""Recorded jobs under the ETA model and its rivals, each judged with what the other jobs taught."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eta_real.trace import RealTrace
from eta_sim.judging import lesson_of
from eta_sim.rivals import RIVALS
from llmbatch.core.eta.history import FinishedJob, History
from llmbatch.core.eta.model import EtaModel
from llmbatch.core.eta.observation import observation_of
from llmbatch.core.eta.priors import Priors
from llmbatch.core.eta.record import MARKS, EstimateLog, Mark, relative_error
from llmbatch.core.eta.spread import Spread

ENGINE = "recorded"


@dataclass(frozen=True)
class Replay:
    """The estimates for one recorded job: our marks, and rivals' relative errors by name and mark."""

    trace: RealTrace
    ours: tuple[Mark, ...]
    errors: dict[str, dict[float, float]]
    finished: FinishedJob


def replay(trace: RealTrace, priors: Priors, spread: Spread) -> Replay:
    """Give the model every heartbeat in turn."""
    model, log = EtaModel(trace.slots, priors, spread), EstimateLog()
    rivals = {name: kind() for name, kind in RIVALS.items()}
    errors: dict[str, dict[float, float]] = {name: {} for name in rivals}
    end = trace.finished_at.timestamp()
    for beat in trace.beats:
        at, seen = (beat.written_at - trace.created_at).total_seconds(), observation_of(beat)
        model.observe(seen)
        done = beat.rows.ended / beat.rows.total
        log.note(model.estimate(seen.at), done)
        left = end - seen.at
        for name, rival in rivals.items():
            seconds = rival.observe(at, beat)
            passed = [mark for mark in MARKS if done >= mark]
            if passed and left > 0 and seconds is not None:
                errors[name].setdefault(passed[-1], relative_error(seconds, left))
    last = trace.beats[-1]
    finished = lesson_of(
        model,
        log,
        end,
        job_id=trace.name,
        finished_at=trace.finished_at,
        engine=f"{ENGINE} {trace.slots}",
        task="generate",
        template=trace.template,
        rows=last.rows.total,
        phases=last.seconds_phase,
    )
    return Replay(trace, finished.marks, errors, finished)


def replay_all(traces: Sequence[RealTrace]) -> tuple[list[Replay], list[Replay]]:
    """Return every job's replay without history, and with a history of all the other jobs.

    The history is that of a deployment that has run these jobs before, one after the other, each with the beliefs that
    those before it left. Lessons of jobs that knew nothing would correct twice what a prior corrects already.
    """
    cold = [replay(trace, Priors(), Spread.default()) for trace in traces]
    lessons: dict[str, FinishedJob] = {}
    warm: list[Replay] = []
    for _ in range(2):
        warm = []
        for trace in traces:
            history, engine = History(), f"{ENGINE} {trace.slots}"
            for name, lesson in lessons.items():
                if name != trace.name:
                    history = history.with_job(lesson)
            one = replay(trace, history.priors_for(engine, trace.template), history.spread_for(engine))
            lessons[trace.name] = one.finished
            warm.append(one)
    return cold, warm
