"""The driver's ETA: an estimate for every heartbeat, and a trace of them to be scored when the job is over."""

from __future__ import annotations

import logging
from dataclasses import replace

from pydantic import ValidationError

from llmbatch.core.errors import ObjectMissing, StoreError
from llmbatch.core.eta.basis import EtaBasis
from llmbatch.core.eta.estimate import Estimate
from llmbatch.core.eta.model import EtaModel
from llmbatch.core.eta.observation import observation_of
from llmbatch.core.eta.trace import MOST_POINTS, EstimateTrace, TracePoint
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import EtaSeconds, EtaState, Progress
from llmbatch.core.states import Phase
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document

_log = logging.getLogger(__name__)


class Estimator:
    """Estimates one generation. For one thread; reads no clock: a heartbeat's ``written_at`` is its time.

    Every heartbeat is a point of the trace until there are too many; then every other point goes and from then on
    every other heartbeat is passed over, so that what is kept covers the whole job evenly.
    """

    def __init__(self, slots: int, basis: EtaBasis | None = None) -> None:
        self._model = EtaModel(slots) if basis is None else EtaModel(slots, basis.priors, basis.spread)
        self._points: list[TracePoint] = []
        self._beats, self._stride = 0, 1
        self._at = 0.0
        self._broken = False

    def complete(self, progress: Progress) -> Progress:
        """Return the heartbeat with its estimate. A fault of the estimate costs the ETA, never the heartbeat."""
        try:
            estimate = self._estimate(progress)
        except Exception as error:
            if not self._broken:
                _log.exception("event=estimate_failed job_id=%s", progress.job_id)
            self._broken = True
            reason = f"the estimate failed with {type(error).__name__}; see the log of this generation's Ray job"
            estimate = Estimate(EtaState.UNKNOWN, progress.written_at.timestamp(), reason)
        seconds, work = estimate.seconds, estimate.progress
        if seconds is not None:
            seconds = EtaSeconds(p10=round(seconds.p10, 2), p50=round(seconds.p50, 2), p90=round(seconds.p90, 2))
        completed = progress.model_copy(
            update={
                "eta": seconds,
                "eta_state": estimate.state,
                "eta_reason": estimate.explain(),
                "work_progress": None if work is None else round(work, 4),
            }
        )
        self._note(completed, estimate.predicted)
        return completed

    def trace(self, last: Progress) -> EstimateTrace:
        """Return the estimates up to ``last``, which was the last heartbeat, and what the model has learned."""
        model = self._model
        taught, learned = model.learned(last.written_at.timestamp()), model.rate.known
        answers = taught.answers if learned else None
        return EstimateTrace(
            job_id=last.job_id,
            generation=last.generation,
            points=tuple(self._points),
            rate=taught.rate,
            price=model.rate.price.value if learned else None,
            level=answers and answers.level,
            slope=answers and answers.slope,
            spread=answers and answers.spread,
            long=answers and answers.long,
            fixed_share=taught.fixed_share if last.phase is Phase.DONE else None,
            effort=taught.effort,
            seconds_phase=last.seconds_phase,
        )

    def _estimate(self, progress: Progress) -> Estimate:
        seen = observation_of(progress)
        if not seen.cells and not progress.phase.is_terminal:
            why = "no row waits for an engine, or the job was staged by an earlier release, which did not count lengths"
            return Estimate(EtaState.UNKNOWN, seen.at, why)
        # The model passes over what is not newer, and a machine's clock may be set back: no heartbeat must be lost.
        self._at = max(seen.at, self._at + 0.001)
        self._model.observe(replace(seen, at=self._at))
        return self._model.estimate(self._at)

    def _note(self, progress: Progress, predicted: float | None) -> None:
        kept = self._beats % self._stride == 0
        self._beats += 1
        if not kept and not progress.phase.is_terminal:
            return
        if len(self._points) == MOST_POINTS:
            self._points = self._points[::2]
            self._stride *= 2
        self._points.append(TracePoint.of(progress, predicted))


def estimator_of(spec: JobSpec, store: ObjectStore) -> Estimator:
    """Return the estimator of a job, with the priors of its acceptance."""
    return Estimator(spec.engine.max_num_seqs, read_basis(store, spec.layout, spec.job_id))


def read_basis(store: ObjectStore, layout: JobLayout, job_id: str) -> EtaBasis | None:
    """Return the priors of the job's acceptance; None, with a warning, if they cannot be read."""
    try:
        return read_document(EtaBasis, store.get(layout.basis))
    except ObjectMissing:
        problem = "absent"
    except (StoreError, ValidationError) as error:
        problem = type(error).__name__
    _log.warning("event=eta_basis_unread job_id=%s problem=%s used=defaults", job_id, problem)
    return None
