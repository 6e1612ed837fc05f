"""The estimates that running jobs have stored, from which the course of their rates is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from llmbatch.core.clock import Clock
from llmbatch.core.eta.trace import TracePoint
from llmbatch.core.layout import JobLayout
from llmbatch.core.read_ahead import in_order
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.jobs.documents import Kept
from llmbatch.orchestrator.history.traces import read_traces

MOST_JOBS = 25
"""Jobs that are drawn."""
TRACE_SECONDS = 30.0
"""Time for which the estimates of a job are kept; a job writes them as often."""

_MOST_KEPT = 200
_IN_FLIGHT = 4


class StoredEstimates:
    """Reads estimates for all readers. Its calls block.

    Args:
        base_uri: ``s3://bucket/prefix`` that holds ``jobs/``.
        store: where that is.
        clock: for their age.
    """

    def __init__(self, base_uri: str, store: ObjectStore, clock: Clock) -> None:
        self._base, self._store = base_uri, store
        self._kept: Kept[tuple[TracePoint, ...]] = Kept(TRACE_SECONDS, _MOST_KEPT, clock)

    def read(self, job_ids: Sequence[str]) -> dict[str, tuple[TracePoint, ...]]:
        """Return the points of the first ``MOST_JOBS`` jobs by time, of all their generations.

        Raises:
            StoreError: the store failed.
        """
        jobs = job_ids[:MOST_JOBS]
        found = in_order(self._points, jobs, in_flight=_IN_FLIGHT, name="row-rates")
        return dict(zip(jobs, found, strict=True))

    def _points(self, job_id: str) -> tuple[TracePoint, ...]:
        def read() -> tuple[TracePoint, ...]:
            traces = read_traces(self._store, JobLayout.of(self._base, job_id))
            return tuple(point for trace in traces for point in trace.points)

        return self._kept.get(job_id, read)
