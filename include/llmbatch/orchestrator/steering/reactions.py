"""Automatic reactions to a job at risk: one step at a time, in the order of the request's ``reactions``.

The steps are more replicas, pausing jobs of lower priority, shorter answers, another model. A step is recorded before
it is taken: the process that creates the record takes the step. Whether a step is in force is read from the control
object, so if a process dies between the two, the next call takes the step again under a new record.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from llmbatch.core.clock import Clock
from llmbatch.core.control import Control, ReplicaBounds
from llmbatch.core.eta.replicas import replicas_needed
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.progress import Progress
from llmbatch.core.reactions import Reaction, ReactionKind, ReactionRecords
from llmbatch.core.request_options import Reactions
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.steering.control import adjust, read_control
from llmbatch.orchestrator.steering.pauses import BY, pause_lower_priority

SETTLE_SECONDS = 60.0
"""Time for a step to show in the ETA before the next one; several heartbeats."""
START_SECONDS = 600.0
"""Time for requested replicas to start. After it the cluster is considered full, and the next step is tried."""

_log = logging.getLogger(__name__)


def take_next_step(
    spec: JobSpec, progress: Progress, records: ReactionRecords, *, store: ObjectStore, clock: Clock
) -> tuple[Reaction, ...]:
    """Take the next step for a job at risk, if it is time for one, and return its records.

    Blocks on the store: a trigger calls it in a thread.

    Args:
        spec: the job.
        progress: its last heartbeat.
        records: its reactions so far; the same object in each call, so that a call lists nothing.
        store: the store that holds all jobs.
        clock: for the records.

    Raises:
        StoreError: the store failed; the next call takes the step.
        RequestError: the job's folder was removed.
    """
    eta, left = progress.eta, spec.seconds_left(progress.written_at)
    if spec.request.reactions.is_empty or eta is None or left <= 0 or eta.p90 <= left:
        return ()
    done = records.read()
    if not _last_step_has_settled(done.reactions, progress, clock):
        return ()
    control, _ = read_control(store, spec.layout)
    why = f"P90 is {eta.p90 - left:.0f} s after the deadline"
    risk = _Risk(spec, progress, left, control, records, done.next_number, why, store, clock)
    for step in (_grow, _pause_others, _shorten, _fall_back):
        made = step(risk)
        if made:
            return made
    return ()


def _last_step_has_settled(done: tuple[Reaction, ...], progress: Progress, clock: Clock) -> bool:
    steps = [reaction for reaction in done if reaction.helps]
    if not steps:
        return True
    last, age = steps[-1], (clock.now() - steps[-1].at).total_seconds()
    is_starting = last.kind is ReactionKind.REPLICAS and progress.replicas.live < int(last.to)
    return age >= (START_SECONDS if is_starting else SETTLE_SECONDS)


@dataclass(frozen=True)
class _Risk:
    """A job at risk, as a step sees it.

    Attributes:
        left: seconds from the heartbeat to the deadline.
        control: the control object now.
        records: its reactions so far.
        number: of the next record, also for a later step of this call: if it is taken, another process takes a step.
        why: the risk, for the records.
    """

    spec: JobSpec
    progress: Progress
    left: float
    control: Control
    records: ReactionRecords
    number: int
    why: str
    store: ObjectStore
    clock: Clock

    @property
    def allowed(self) -> Reactions:
        return self.spec.request.reactions

    def change(self, kind: ReactionKind, was: str, to: str, changes: dict[str, object]) -> tuple[Reaction, ...]:
        """Record the step and change the job's control object; return nothing if another process takes the step."""
        made = Reaction(kind=kind, number=self.number, at=self.clock.now(), was=was, to=to, why=self.why)
        if not self.records.create(made):
            return ()
        adjust(self.spec.layout.root, changes, reason=self.why, by=BY, store=self.store, clock=self.clock)
        _log.info(
            "event=reaction job_id=%s reaction=%s from=%s to=%s why=%s", self.spec.job_id, kind.value, was, to, self.why
        )
        return (made,)


def _grow(risk: _Risk) -> tuple[Reaction, ...]:
    most = risk.allowed.max_replicas
    if most is None:
        return ()
    shards, live = risk.progress.shards, risk.progress.replicas.live
    now = risk.control.replicas.max if risk.control.replicas else risk.spec.engine.max_replicas
    # If no number is enough, take as many as have work: the job will be less late.
    useful = min(most, max(live, shards.total - shards.committed))
    need = replicas_needed(risk.progress, risk.left, most) or useful
    if need <= now:
        return ()
    bounds = ReplicaBounds(min=need, max=need)
    return risk.change(ReactionKind.REPLICAS, str(now), str(need), {"replicas": bounds})


def _pause_others(risk: _Risk) -> tuple[Reaction, ...]:
    if not risk.allowed.pause_lower_priority:
        return ()
    return pause_lower_priority(risk.spec, risk.records, risk.number, risk.why, store=risk.store, clock=risk.clock)


def _shorten(risk: _Risk) -> tuple[Reaction, ...]:
    limit, now = risk.allowed.max_tokens, risk.control.max_tokens
    if limit is None or (now is not None and now <= limit):
        return ()
    return risk.change(ReactionKind.MAX_TOKENS, str(now or ""), str(limit), {"max_tokens": limit})


def _fall_back(risk: _Risk) -> tuple[Reaction, ...]:
    model, now = risk.spec.fallback_model_uri, risk.control.model or risk.spec.model_uri
    if model is None or model == now:
        return ()
    return risk.change(ReactionKind.MODEL, now, model, {"model": model})
