"""When each job of the queue is predicted to begin and to end. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from llmbatch.core.admission import QueuedJob, by_turn, finishes, median


@dataclass(frozen=True)
class Turn:
    """Predicted begin and end of one job, in seconds from now; None for a job of unknown size.

    ``unknown`` jobs before it are of unknown size and count as no work.
    """

    job: QueuedJob
    start: float | None
    end: float | None
    unknown: int


def turns(begun: Iterable[QueuedJob], waiting: Iterable[QueuedJob], capacity: int) -> list[Turn]:
    """Return all jobs in the order in which they start, at their median times.

    Three jobs of 1 h that each take the whole cluster begin after 0, 1 and 2 h and end after 1, 2 and 3 h.

    Args:
        begun: jobs that run; they keep their replicas whatever waits.
        waiting: jobs that have not begun.
        capacity: replicas of the cluster, which the jobs share.
    """
    queue = [*sorted(begun, key=by_turn), *sorted(waiting, key=by_turn)]
    found: list[Turn] = []
    unknown = 0
    for job, end in zip(queue, finishes(queue, capacity, median), strict=True):
        if job.eta is None:
            found.append(Turn(job, None, None, unknown))
            unknown += 1
        else:
            found.append(Turn(job, end - median(job.eta), end, unknown))
    return found
