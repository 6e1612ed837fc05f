"""The content of an alert, from the level that is due and the last heartbeat."""

from __future__ import annotations

from datetime import datetime

from llmbatch.core.alerts import Alert, Level
from llmbatch.core.eta.replicas import replicas_needed
from llmbatch.core.progress import EtaSeconds, Progress
from llmbatch.core.request_options import OnDeadline
from llmbatch.core.sla import JobSla, chance_of_miss

MOST_REPLICAS = 1024
"""The most replicas that a request may set."""


def compose(
    sla: JobSla,
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
    """Return an alert with what is known at ``now``.

    Args:
        sla: the job and its deadline.
        level: of the alert.
        number: of the alert, counted from 1 for each level.
        progress: the last heartbeat, None if there was none.
        is_stale: whether that heartbeat is too old for its ETA to count.
        now: the time.
        raised_by: ``sensor``, ``deadline`` or ``report``.
        runbook_url: of the deployment; the level's anchor is appended.
        reason: replaces the reason that the heartbeat gives; empty: does not.
    """
    usable = None if is_stale or progress is None or level is Level.OK else progress
    needed = _replicas(usable, sla)
    return Alert(
        job_id=sla.job_id,
        dag_id=sla.dag_id,
        run_id=sla.run_id,
        level=level,
        number=number,
        raised_at=now,
        raised_by=raised_by,
        deadline=sla.deadline,
        eta=_eta_from(usable, now),
        miss_probability=chance_of_miss(usable, sla.deadline),
        reason=reason or _reason(progress, is_stale=is_stale, now=now),
        progress=progress.percent / 100 if progress is not None else None,
        replicas=progress.replicas.live if progress is not None else 0,
        replicas_needed=needed,
        advice=_advice(sla, level, usable, needed),
        runbook_url=f"{runbook_url}#sla-{level.value}" if runbook_url and level is not Level.OK else "",
    )


def _eta_from(progress: Progress | None, now: datetime) -> EtaSeconds | None:
    """Return the ETA in seconds from ``now``."""
    if progress is None or progress.eta is None:
        return None
    return progress.eta.aged(progress.age(now))


def _reason(progress: Progress | None, *, is_stale: bool, now: datetime) -> str:
    if progress is None:
        return "the job has not started to work"
    if is_stale:
        return f"the last heartbeat is {progress.age(now):.0f} s old"
    return progress.eta_reason


def _replicas(progress: Progress | None, sla: JobSla) -> int | None:
    """Return the number of replicas that would keep the deadline, if it is more than there are."""
    if progress is None:
        return None
    left = (sla.deadline - progress.written_at).total_seconds()
    needed = replicas_needed(progress, left, MOST_REPLICAS) if left > 0 else None
    return needed if needed is not None and needed > progress.replicas.live else None


def _advice(sla: JobSla, level: Level, progress: Progress | None, needed: int | None) -> str:
    """Return what the reader can do, empty if nothing is needed."""
    request = sla.request
    if level is Level.OK:
        return ""
    if request is None:
        return "check why the run is not accepted yet: max_active_runs, the scheduler, the task `accept`"
    if level is Level.CRITICAL:
        return _LATE[request.on_deadline]
    if progress is None or progress.eta is None:
        return "look at the log of the task `run` and at the Ray dashboard"
    if not request.reactions.is_empty:
        return "the reactions that the request allows are taken automatically"
    return _MORE_REPLICAS if needed is not None else _NO_REPLICAS[level]


_LATE = {
    OnDeadline.EXPIRE: "rows that have not started expire, the rest is delivered; retry them with `retry_failed_of`",
    OnDeadline.FINISH: "late rows are still answered; raise `replicas` in the job's control object to finish earlier",
}
_MORE_REPLICAS = "raise `replicas` in the job's control object, or allow `reactions` in the next request"
_NO_REPLICAS = {
    Level.YELLOW: "",
    Level.RED: "more replicas alone would not keep it; shorter answers, a smaller model or a later deadline would",
}
