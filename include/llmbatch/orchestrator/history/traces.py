"""The stored estimates of all generations of a job."""

from __future__ import annotations

from datetime import datetime

from llmbatch.core.alerts import Level, read_alerts
from llmbatch.core.eta.trace import EstimateTrace, TracePoint
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import LevelChange
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_if_readable


def read_traces(store: ObjectStore, layout: JobLayout) -> tuple[EstimateTrace, ...]:
    """Return the job's traces, by generation. An unreadable one is logged and skipped.

    Raises:
        StoreError: the store failed.
    """
    uris = [info.uri for info in store.list(layout.traces) if info.uri.endswith(".json")]
    found = [trace for uri in uris if (trace := read_if_readable(EstimateTrace, uri, store)) is not None]
    return tuple(sorted(found, key=lambda trace: trace.generation))


def thinned(points: tuple[TracePoint, ...], most: int) -> tuple[TracePoint, ...]:
    """Return at most ``most`` points, evenly spread, the first and the last among them. 5 of 0..8: 0, 2, 4, 6, 8."""
    if len(points) <= most:
        return points
    last = len(points) - 1
    return tuple(points[round(n * last / (most - 1))] for n in range(most))


def levels_of(spec: JobSpec, store: ObjectStore, until: datetime) -> tuple[LevelChange, ...]:
    """Return the job's levels up to ``until``, from ``ok`` at its submission on.

    Raises:
        StoreError: the store failed.
    """
    begin, alerts = LevelChange(at=spec.created_at, level=Level.OK), read_alerts(store, spec.layout)
    raised = (each for each in alerts if each.raised_at <= until)
    return (begin, *(LevelChange(at=each.raised_at, level=each.level, reason=each.reason) for each in raised))
