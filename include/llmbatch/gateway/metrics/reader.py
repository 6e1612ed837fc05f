"""From runs to a reading of the stored state."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import ValidationError

from llmbatch.core.admission import AdmissionQueue, QueuedJob
from llmbatch.core.clock import Clock
from llmbatch.core.errors import ObjectMissing
from llmbatch.core.layout import queue_uri
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document, report_unreadable
from llmbatch.gateway.airflow.client import DagRun
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.sla_status import StatusReader
from llmbatch.gateway.metrics.details import DetailsReader
from llmbatch.gateway.metrics.reading import Reading
from llmbatch.orchestrator.steering.service import read_service


class StateReader:
    """Reads the state of all jobs that are not over. Blocks; for one thread at a time.

    A job that waits costs no request. One that runs costs one, for its heartbeat, and at some readings its details.

    Args:
        base_uri: ``s3://bucket/prefix`` that holds ``jobs/``.
        store: where that is.
        clock: for ages and times.
        usd_per_gpu_hour: price in US dollars; None: no cost is known.
    """

    def __init__(self, base_uri: str, store: ObjectStore, clock: Clock, usd_per_gpu_hour: float | None) -> None:
        self._base, self._store, self._clock = base_uri, store, clock
        # Only jobs whose run is not over are looked at, so the folder of a spec is there.
        self._jobs = StatusReader(JobDocuments(base_uri, store, clock, spec_seconds=math.inf), clock)
        self._details = DetailsReader(store, usd_per_gpu_hour)

    def read(self, runs: Sequence[DagRun]) -> Reading:
        """Return the state of the jobs of these runs and of the service.

        Raises:
            StoreError: the store failed.
        """
        queue, skew = self._queue()
        is_admitting = read_service(self._base, self._store).admitting
        jobs = tuple(job for job in self._jobs.look(runs) if job.finished_at is None)
        details = self._details.read(job.found.spec for job in jobs if job.found.spec is not None)
        return Reading(self._clock.now(), jobs, details, queue, is_admitting, skew)

    def _queue(self) -> tuple[tuple[QueuedJob, ...], float | None]:
        """Return the queue, and by how many seconds this clock is ahead of the store's."""
        uri = queue_uri(self._base)
        try:
            found = self._store.get_aged(uri)
        except ObjectMissing:
            return (), None
        skew = None if found.at is None else (self._clock.now() - found.at).total_seconds()
        try:
            return read_document(AdmissionQueue, found.body).jobs, skew
        except ValidationError as error:
            report_unreadable(uri, error.error_count())
            return (), skew
