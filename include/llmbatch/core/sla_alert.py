"""From a due level and the last heartbeat to the alert that a person gets."""

from __future__ import annotations

from datetime import datetime

from llmbatch.core.alerts import Alert, Level
from llmbatch.core.eta.replicas import replicas_needed
from llmbatch.core.job_request import OnDeadline
from llmbatch.core.progress import EtaSeconds, Progress
from llmbatch.core.sla import Promise, chance_of_miss

MOST_REPLICAS = 1024
"""As many as a request may ask for."""


def compose(
    promise: Promise,
    level: Level,
    number: int,
    *,
    progress: Progress | None,
    is_stale: bool,
    now: datetime,
    raised_by: str,
    runbook_url: str = "",
    reason: str = "",
) -> Alert:
    """Return an alert with all that is known at ``now``.

    Args:
        promise: the job.
        level: what has begun, or ``ok``.
        number: of this level.
        progress: the last heartbeat, None if there was none.
        is_stale: whether that heartbeat is too old to believe its ETA.
        now: the time.
        raised_by: ``sensor``, ``deadline`` or ``report``.
        runbook_url: of the deployment; the level's anchor is appended.
        reason: instead of what the heartbeat gives as reason.
    """
    believed = None if is_stale or progress is None or level is Level.OK else progress
    needed = _replicas(believed, promise)
    return Alert(
        job_id=promise.job_id,
        dag_id=promise.dag_id,
        run_id=promise.run_id,
        level=level,
        number=number,
        raised_at=now,
        raised_by=raised_by,
        deadline=promise.deadline,
        eta=_eta_from(believed, now),
        miss_probability=chance_of_miss(believed, promise.deadline),
        reason=reason or _reason(progress, is_stale=is_stale, now=now),
        progress=progress.percent / 100 if progress is not None else None,
        replicas=progress.replicas.live if progress is not None else 0,
        replicas_needed=needed,
        advice=_advice(promise, level, believed, needed),
        runbook_url=f"{runbook_url}#sla-{level.value}" if runbook_url and level is not Level.OK else "",
    )


def _eta_from(progress: Progress | None, now: datetime) -> EtaSeconds | None:
    """Return the ETA counted from ``now`` on, as alerts have it."""
    if progress is None or progress.eta is None:
        return None
    return progress.eta.aged(progress.age(now))


def _reason(progress: Progress | None, *, is_stale: bool, now: datetime) -> str:
    if progress is None:
        return "the job has not begun to work"
    if is_stale:
        return f"the last heartbeat is {progress.age(now):.0f} s old"
    return progress.eta_reason


def _replicas(progress: Progress | None, promise: Promise) -> int | None:
    """Return a number of replicas that would do, if it is more than there are."""
    if progress is None:
        return None
    left = (promise.deadline - progress.written_at).total_seconds()
    needed = replicas_needed(progress, left, MOST_REPLICAS) if left > 0 else None
    return needed if needed is not None and needed > progress.replicas.live else None


def _advice(promise: Promise, level: Level, progress: Progress | None, needed: int | None) -> str:
    """Return what helps, empty if nothing has to be done."""
    request = promise.request
    if level is Level.OK:
        return ""
    if request is None:
        return "see why the run is not accepted yet: max_active_runs, the scheduler, the task `accept`"
    if level is Level.CRITICAL:
        return _LATE[request.on_deadline]
    if progress is None or progress.eta is None:
        return "look at the log of the task `run` and at the Ray dashboard"
    if not request.reactions.is_empty:
        return "the reactions that the request allows are tried by themselves"
    return _MORE_REPLICAS if needed is not None else _NO_REPLICAS[level]


_LATE = {
    OnDeadline.EXPIRE: "rows that have not begun expire, the rest is delivered; run them later with `retry_failed_of`",
    OnDeadline.FINISH: "late rows are still answered; more replicas in the job's control object make it less late",
}
_MORE_REPLICAS = "raise `replicas` in the job's control object, or allow `reactions` in the next request"
_NO_REPLICAS = {
    Level.YELLOW: "",
    Level.RED: "more replicas alone would not do; shorter answers, a smaller model or a later deadline would",
}
