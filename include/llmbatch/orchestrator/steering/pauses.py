"""Pause running jobs of lower priority for a job at risk, at most until its deadline, and resume them.

Both jobs get a record: ``pause`` and ``resume`` in the job at risk, ``paused`` and ``resumed`` in the other one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from llmbatch.core.clock import Clock
from llmbatch.core.control import Control
from llmbatch.core.errors import ObjectExists, RequestError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.reactions import Reaction, ReactionKind, ReactionRecords, create_reaction, reaction_log
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.jobs.activity import running_jobs
from llmbatch.orchestrator.steering.control import adjust, change_control, read_control

BY = "llmbatch"
"""Author of the changes that reactions make to control objects."""

_log = logging.getLogger(__name__)


def pause_lower_priority(
    spec: JobSpec, records: ReactionRecords, number: int, why: str, *, store: ObjectStore, clock: Clock
) -> tuple[Reaction, ...]:
    """Pause every running job of lower priority, the lowest first, and return the records in the job at risk.

    Args:
        spec: the job at risk.
        records: its reactions so far.
        number: of its first record.
        why: the risk, for the records.
        store: the store that holds all jobs.
        clock: for the records.

    Raises:
        StoreError: the store failed; the next call continues.
    """
    made: list[Reaction] = []
    for other in _running_below(spec, store, clock):
        reaction = Reaction(
            kind=ReactionKind.PAUSE,
            number=number + len(made),
            at=clock.now(),
            to=other.root_uri,
            why=f"{why}; priority {other.request.priority} is below {spec.request.priority}",
        )
        if not records.create(reaction):
            break  # another process is doing this step
        reason = f"{spec.job_id} is at risk"
        changes = {"paused": True, "paused_by": spec.layout.root, "paused_until": spec.deadline}
        adjust(other.root_uri, changes, reason=reason, by=BY, store=store, clock=clock)
        _record(other.layout, ReactionKind.PAUSED, spec.layout.root, reason, store, clock)
        made.append(reaction)
    return tuple(made)


def resume_paused(spec: JobSpec, records: ReactionRecords, *, store: ObjectStore, clock: Clock) -> tuple[Reaction, ...]:
    """Resume the jobs that were paused for this one and return the records. Costs one listing if there are none.

    Replicas, limits and models stay as they are. A pause that another user or job has set since stays, too.

    Raises:
        StoreError: the store failed; the next call continues.
    """
    if not spec.request.reactions.pause_lower_priority:
        return ()
    done = records.refresh()
    made: list[Reaction] = []
    for number, root in enumerate(_still_paused(done.reactions), done.next_number):
        reaction = Reaction(kind=ReactionKind.RESUME, number=number, at=clock.now(), to=root, why="safe again")
        if _resume(root, spec, store):
            why = f"{spec.job_id} is safe again"
            _record(JobLayout(root), ReactionKind.RESUMED, spec.layout.root, why, store, clock)
        if not records.create(reaction):
            break
        made.append(reaction)
    return tuple(made)


def _still_paused(done: tuple[Reaction, ...]) -> tuple[str, ...]:
    """Return the roots of the jobs that were paused and not resumed, in the order of their first pause."""
    paused: dict[str, None] = {}
    for reaction in done:
        if reaction.kind is ReactionKind.PAUSE:
            paused[reaction.to] = None
        elif reaction.kind is ReactionKind.RESUME:
            paused.pop(reaction.to, None)
    return tuple(paused)


def _resume(root: str, by: JobSpec, store: ObjectStore) -> bool:
    """Clear the pause if it is still that of ``by``; return whether it was."""

    def clear(old: Control) -> Control:
        is_ours = old.paused and old.paused_by == by.layout.root
        return old.model_copy(update={"paused": False, "paused_by": None, "paused_until": None}) if is_ours else old

    try:
        return change_control(JobLayout(root), clear, store=store).is_written
    except RequestError:
        _log.info("event=not_resumed job_id=%s reason=removed paused=%s", by.job_id, shown(root))
        return False


def _record(other: JobLayout, kind: ReactionKind, root: str, why: str, store: ObjectStore, clock: Clock) -> None:
    """Record in the other job what the job in ``root`` did to it, under the first free number."""
    number = reaction_log(store, other).next_number
    while True:
        try:
            create_reaction(store, other, Reaction(kind=kind, number=number, at=clock.now(), was=root, why=why))
        except ObjectExists:
            number += 1
        else:
            return


def _running_below(spec: JobSpec, store: ObjectStore, clock: Clock) -> Iterator[JobSpec]:
    """Yield the running jobs of lower priority that are not paused, the lowest first."""
    base, now = spec.root_uri.rsplit("/jobs/", 1)[0], clock.now()
    below = [job for job in running_jobs(store, base, now) if job.request.priority < spec.request.priority]
    for job in sorted(below, key=lambda each: (each.request.priority, each.job_id)):
        control, _ = read_control(store, job.layout)
        if not control.is_paused(now):
            yield job
