"""What is done by itself for a job at risk, one step at a time, and taken back when it is safe again.

Only what the request's ``reactions`` name, in their order: more replicas, pausing jobs of lower priority, shorter
answers, another model. A step is recorded before it is done (creating the record is the right to do it), and whether it
is done is read from the control object: a reactor that dies in between does it at its next look, under a new record.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from llmbatch.core.clock import Clock
from llmbatch.core.control import Control, ReplicaBounds
from llmbatch.core.errors import ObjectExists, RequestError
from llmbatch.core.eta.replicas import replicas_needed
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import Progress
from llmbatch.core.reactions import Reaction, ReactionKind, read_reactions
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.running import running_jobs
from llmbatch.orchestrator.steering.control import adjust, change_control, read_control

BY = "llmbatch"
SETTLE_SECONDS = 60.0
"""How long a step may take to show before the next one; several heartbeats."""
START_SECONDS = 600.0
"""How long replicas that were asked for may take to come; then the cluster has no room, and the next step is tried."""

_STEPS = (ReactionKind.REPLICAS, ReactionKind.PAUSE, ReactionKind.MAX_TOKENS, ReactionKind.MODEL)
_log = logging.getLogger(__name__)


def react(
    spec: JobSpec, progress: Progress, *, at_risk: bool, safe: bool, store: ObjectStore, clock: Clock
) -> tuple[Reaction, ...]:
    """Do the next step, if it is time for one, and return what was done; nothing for a job that is neither.

    Blocks on the store: a trigger calls it on a thread.

    Args:
        spec: the job.
        progress: its last heartbeat.
        at_risk: its deadline is in danger.
        safe: it is not, so that other jobs may go on. Replicas, limits and models stay as they are.
        store: where all jobs are.
        clock: for the records.

    Raises:
        StoreError: the store failed; what was not done is done at the next call.
        RequestError: the job's folder is gone.
    """
    reactor = _Reactor(spec, progress, store, clock)
    if safe:
        return reactor.resume()
    return reactor.step() if at_risk else ()


class _Reactor:
    def __init__(self, spec: JobSpec, progress: Progress, store: ObjectStore, clock: Clock) -> None:
        self._spec, self._progress, self._store, self._clock = spec, progress, store, clock
        self._layout, self._allowed = spec.layout, spec.request.reactions
        self._left = spec.seconds_left(progress.written_at)

    def step(self) -> tuple[Reaction, ...]:
        eta = self._progress.eta
        if self._allowed == type(self._allowed)() or eta is None or self._left <= 0 or eta.p90 <= self._left:
            return ()
        done = read_reactions(self._store, self._layout)
        if not self._is_due([reaction for reaction in done if reaction.kind in _STEPS]):
            return ()
        control, _ = read_control(self._store, self._layout)
        number = done[-1].number + 1 if done else 1
        why = f"P90 is {eta.p90 - self._left:.0f} s after the deadline"
        for attempt in (self._grow, self._pause_others, self._shorten, self._fall_back):
            found = attempt(control, number, why)
            if found:
                return found
        return ()

    def _is_due(self, steps: list[Reaction]) -> bool:
        """Whether the last step had time to show."""
        if not steps:
            return True
        last, age = steps[-1], (self._clock.now() - steps[-1].at).total_seconds()
        starts = last.kind is ReactionKind.REPLICAS and self._progress.replicas.live < int(last.to)
        return age >= (START_SECONDS if starts else SETTLE_SECONDS)

    def _grow(self, control: Control, number: int, why: str) -> tuple[Reaction, ...]:
        most = self._allowed.max_replicas
        if most is None:
            return ()
        shards, live = self._progress.shards, self._progress.replicas.live
        now = control.replicas.max if control.replicas else self._spec.engine.max_replicas
        # If no count is enough, as many as are of use: the job will be less late.
        need = replicas_needed(self._progress, self._left, most) or min(
            most, max(live, shards.total - shards.committed)
        )
        if need <= now:
            return ()
        bounds = ReplicaBounds(min=need, max=need)
        return self._do(ReactionKind.REPLICAS, number, str(now), str(need), why, {"replicas": bounds})

    def _shorten(self, control: Control, number: int, why: str) -> tuple[Reaction, ...]:
        limit, now = self._allowed.max_tokens, control.max_tokens
        if limit is None or (now is not None and now <= limit):
            return ()
        return self._do(ReactionKind.MAX_TOKENS, number, str(now or ""), str(limit), why, {"max_tokens": limit})

    def _fall_back(self, control: Control, number: int, why: str) -> tuple[Reaction, ...]:
        model, now = self._spec.fallback_model_uri, control.model or self._spec.model_uri
        if model is None or model == now:
            return ()
        return self._do(ReactionKind.MODEL, number, now, model, why, {"model": model})

    def _do(
        self, kind: ReactionKind, number: int, was: str, to: str, why: str, changes: dict[str, object]
    ) -> tuple[Reaction, ...]:
        made = Reaction(kind=kind, number=number, at=self._clock.now(), was=was, to=to, why=why)
        try:
            _write(self._store, self._layout, made)
        except ObjectExists:
            return ()  # another reactor of this job is doing it
        adjust(self._layout.root, changes, reason=why, by=BY, store=self._store, clock=self._clock)
        _log.info(
            "event=reaction job_id=%s reaction=%s from=%s to=%s why=%s", self._spec.job_id, kind.value, was, to, why
        )
        return (made,)

    def _pause_others(self, control: Control, number: int, why: str) -> tuple[Reaction, ...]:  # noqa: ARG002 - a step
        if not self._allowed.pause_lower_priority:
            return ()
        made: list[Reaction] = []
        for other in self._running_below():
            mine = Reaction(
                kind=ReactionKind.PAUSE, number=number, at=self._clock.now(), to=other.root_uri,
                why=f"{why}; priority {other.request.priority} is below {self._spec.request.priority}",
            )  # fmt: skip
            try:
                _write(self._store, self._layout, mine)
            except ObjectExists:
                break
            changes = {"paused": True, "paused_by": self._layout.root}
            reason = f"{self._spec.job_id} is at risk"
            adjust(other.root_uri, changes, reason=reason, by=BY, store=self._store, clock=self._clock)
            self._tell(other.layout, ReactionKind.PAUSED, reason)
            made.append(mine)
            number += 1
        return tuple(made)

    def resume(self) -> tuple[Reaction, ...]:
        """Let the jobs go on that were paused for this one. One request if none were."""
        if not self._allowed.pause_lower_priority:
            return ()
        done = read_reactions(self._store, self._layout)
        paused: dict[str, None] = {}
        for reaction in done:
            if reaction.kind is ReactionKind.PAUSE:
                paused[reaction.to] = None
            elif reaction.kind is ReactionKind.RESUME:
                paused.pop(reaction.to, None)
        made: list[Reaction] = []
        for number, root in enumerate(paused, done[-1].number + 1 if done else 1):
            mine = Reaction(kind=ReactionKind.RESUME, number=number, at=self._clock.now(), to=root, why="safe again")
            if self._release(root):
                self._tell(JobLayout(root), ReactionKind.RESUMED, f"{self._spec.job_id} is safe again")
            try:
                _write(self._store, self._layout, mine)
            except ObjectExists:
                break
            made.append(mine)
        return tuple(made)

    def _release(self, root: str) -> bool:
        """Take the pause back if it is still this job's; say whether it was."""
        ours = False

        def change(old: Control) -> Control:
            nonlocal ours
            ours = old.paused and old.paused_by == self._layout.root
            return old.model_copy(update={"paused": False, "paused_by": None}) if ours else old

        try:
            change_control(JobLayout(root), change, store=self._store)
        except RequestError:
            return False  # its folder is gone
        return ours

    def _tell(self, other: JobLayout, kind: ReactionKind, why: str) -> None:
        """Leave a record in the other job, too, under the first number that is free."""
        done = read_reactions(self._store, other)
        number = done[-1].number + 1 if done else 1
        while True:
            try:
                at = self._clock.now()
                _write(self._store, other, Reaction(kind=kind, number=number, at=at, was=self._layout.root, why=why))
            except ObjectExists:
                number += 1
            else:
                return

    def _running_below(self) -> Iterator[JobSpec]:
        """Yield the running jobs of lower priority that are not paused, the lowest first."""
        base = self._spec.root_uri.rsplit("/jobs/", 1)[0]
        specs = [spec for spec in running_jobs(self._store, base, self._clock.now()) if self._is_below(spec)]
        for spec in sorted(specs, key=lambda each: (each.request.priority, each.job_id)):
            control, _ = read_control(self._store, spec.layout)
            if not control.paused:
                yield spec

    def _is_below(self, other: JobSpec) -> bool:
        return other.request.priority < self._spec.request.priority


def _write(store: ObjectStore, layout: JobLayout, reaction: Reaction) -> None:
    store.create(layout.reaction(reaction.number), reaction.model_dump_json().encode())
