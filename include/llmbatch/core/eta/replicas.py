"""How many replicas a job needs to be done in time."""

from __future__ import annotations

from llmbatch.core.progress import Progress
from llmbatch.core.states import Phase


def replicas_needed(progress: Progress, seconds_left: float, most: int) -> int | None:
    """Return the smallest number of replicas, at most ``most``, whose P90 is within ``seconds_left``.

    None if no such number keeps the deadline, or the ETA is unknown. With ``n`` live replicas the P90 is taken as
    work + tail. The tail (the last rows, as long as a slow row takes now: the P95 of latency) stays what it is; the
    work, ``W`` replica-seconds, is shared. More replicas help only once their engines have started, for which the time
    that this generation's took is taken: in ``S`` seconds of start the ``n`` do ``n * S`` of ``W``, and all share the
    rest. More replicas than shards left are of no use.

    P90 of 110 s with 2 live, P95 latency 10 s, engine start 20 s, 75 s left: W = 200; 4 replicas take
    20 + (200 - 40) / 4 + 10 = 70 s, 3 take 83 s, so 4 it is.
    """
    if progress.eta is None or most < 1:
        return None
    live = max(1, progress.replicas.live)
    tail = min(progress.eta.p90, progress.latency.p95 or 0.0)
    work = (progress.eta.p90 - tail) * live
    start = progress.seconds_phase.get(Phase.MODEL_LOAD.value, 0.0)
    useful = max(live, progress.shards.total - progress.shards.committed)

    def seconds(replicas: int) -> float:
        if replicas <= live:
            return work / replicas + tail
        return work / live + tail if work <= live * start else start + (work - live * start) / replicas + tail

    return next((count for count in range(1, min(most, useful) + 1) if seconds(count) <= seconds_left), None)
