"""The level and the cost of jobs, of which each costs several requests: not of every job at each reading."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from llmbatch.core.alerts import Level, read_alerts
from llmbatch.core.engine_settings import Accelerator
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.read_ahead import in_order
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.metrics.reading import Details
from llmbatch.orchestrator.history.cost import cost_of
from llmbatch.orchestrator.history.traces import read_traces

LEAST_JOBS = 25
"""Jobs of which the details are read again at each reading."""
READINGS = 4
"""Readings after which those of every job were read again, however many jobs there are."""
IN_FLIGHT = 4
"""Jobs at a time."""


class DetailsReader:
    """Reads details of new jobs, and again those that were read longest ago. Blocks; for one thread at a time.

    Args:
        store: holds the jobs.
        usd_per_gpu_hour: price in US dollars; None: no cost is known.
    """

    def __init__(self, store: ObjectStore, usd_per_gpu_hour: float | None) -> None:
        self._store, self._price = store, usd_per_gpu_hour
        self._known: dict[str, Details] = {}
        """By job id, the one that was read longest ago first."""

    def read(self, specs: Iterable[JobSpec]) -> Mapping[str, Details]:
        """Return the details of these jobs by job id; those of other jobs are forgotten.

        Raises:
            StoreError: the store failed.
        """
        jobs = {spec.job_id: spec for spec in specs}
        self._known = {job_id: found for job_id, found in self._known.items() if job_id in jobs}
        new = [spec for job_id, spec in jobs.items() if job_id not in self._known]
        again = max(0, max(LEAST_JOBS, math.ceil(len(jobs) / READINGS)) - len(new))
        due = [*new, *(jobs[job_id] for job_id in list(self._known)[:again])]
        found = in_order(self._details, due, in_flight=IN_FLIGHT, name="job-details")
        for spec, details in zip(due, found, strict=True):
            self._known.pop(spec.job_id, None)
            self._known[spec.job_id] = details
        return dict(self._known)

    def _details(self, spec: JobSpec) -> Details:
        alerts = read_alerts(self._store, spec.layout)
        level = alerts[-1].level if alerts else Level.OK
        if spec.engine.accelerator is not Accelerator.GPU:
            return Details(level)
        traces = read_traces(self._store, spec.layout)
        cost = cost_of(spec.engine, traces, {}, tokens=None, usd_per_gpu_hour=self._price)
        return Details(level, cost.gpu_hours, cost.usd)
