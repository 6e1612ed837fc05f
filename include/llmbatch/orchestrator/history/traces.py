"""The stored estimates of all generations of a job."""

from __future__ import annotations

import logging
from datetime import datetime

from pydantic import ValidationError

from llmbatch.core.alerts import Level, read_alerts
from llmbatch.core.eta.trace import EstimateTrace, TracePoint
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import LevelChange
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore

_log = logging.getLogger(__name__)


def read_traces(store: ObjectStore, layout: JobLayout) -> tuple[EstimateTrace, ...]:
    """Return the job's traces, by generation. An unreadable one is logged and skipped.

    Raises:
        StoreError: the store failed.
    """
    found = []
    for info in store.list(layout.traces):
        try:
            found.append(EstimateTrace.model_validate_json(store.get(info.uri)))
        except ValidationError as error:
            _log.warning(
                "event=trace_unreadable uri=%s problems=%d; it is not counted", shown(info.uri), error.error_count()
            )
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
    begin = LevelChange(at=spec.created_at, level=Level.OK)
    try:
        alerts = read_alerts(store, spec.layout)
    except ValidationError as error:
        _log.warning(
            "event=alert_unreadable job_id=%s problems=%d; the report has no level history",
            spec.job_id,
            error.error_count(),
        )
        return (begin,)
    raised = (LevelChange(at=alert.raised_at, level=alert.level) for alert in alerts if alert.raised_at <= until)
    return (begin, *raised)
