"""``GET /metrics``: the stored state, read when Prometheus scrapes it.

The state is read at most once in ``COLLECT_SECONDS``, by one reading at a time. A scrape waits for it only briefly:
with many jobs it gets the state that the scrape before has read. While the store or Airflow does not work, scrapes get
the last state that was read, with its time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client import Metric as Family
from prometheus_client.registry import Collector

from llmbatch.core import metrics as names
from llmbatch.core.clock import Clock
from llmbatch.core.config import Config
from llmbatch.core.errors import StoreError
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.airflow.client import AirflowClient, DagRun
from llmbatch.gateway.jobs.active import open_runs
from llmbatch.gateway.jobs.readings import Readings
from llmbatch.gateway.jobs.sla_status import MOST_JOBS
from llmbatch.gateway.jobs.versions import versions
from llmbatch.gateway.metrics.exposition import Exposition, Texts
from llmbatch.gateway.metrics.job_samples import add_job
from llmbatch.gateway.metrics.reader import StateReader
from llmbatch.gateway.metrics.reading import Reading
from llmbatch.gateway.metrics.report_figures import ReportFigures
from llmbatch.gateway.metrics.samples import Samples, collected
from llmbatch.gateway.metrics.service_samples import add_report, add_service
from llmbatch.gateway.metrics.timed_store import timed
from llmbatch.gateway.wire.failures import Failure
from llmbatch.gateway.wire.lasting import Lasting
from llmbatch.orchestrator.sla_report.figures import Figures
from llmbatch.orchestrator.sla_report.report import figures

COLLECT_SECONDS = 10.0
"""Least time from the beginning of one reading to that of the next; Prometheus scrapes every 15 s."""
SOON_SECONDS = 0.1
"""Longest time in which a scrape waits for a reading while the last one is usable."""
USABLE_SECONDS = 30.0
"""Time for which scrapes get the last reading rather than wait for the new one; two scrapes."""
WAIT_SECONDS = 4.0
"""Longest time in which a scrape waits for a reading; Prometheus waits 10 s for a scrape."""
PERMISSION_SECONDS = 900.0
"""How long a permission holds while Airflow does not answer."""
PATIENCE_SECONDS = 2.0
"""Longest time in which a scrape waits for Airflow's answer that its caller may read the jobs."""
REASONS = ("airflow", "store", "report", "internal")
"""Why a reading failed."""

_MOST_CALLERS = 100
_log = logging.getLogger(__name__)


class Exporter(Collector):
    """The metrics of one process.

    Args:
        config: where jobs are, and the price of a GPU hour.
        store: the store that holds them.
        airflow: which runs there are.
        readings: who may read the jobs.
        clock: for times and ages.
    """

    def __init__(
        self, config: Config, store: ObjectStore, airflow: AirflowClient, readings: Readings, clock: Clock
    ) -> None:
        self._airflow, self._readings, self._clock = airflow, readings, clock
        errors, seconds = names.EXPORTER_ERRORS, names.GATEWAY_STORE_SECONDS
        self._errors = Counter(errors.name, errors.help, errors.labels, registry=None)
        for reason in REASONS:
            self._errors.labels(reason)
        self._requests = Histogram(seconds.name, seconds.help, seconds.labels, registry=None, buckets=seconds.buckets)
        measured, base = timed(store, self._requests), config.store.base_uri
        self._reader = StateReader(base, measured, clock, config.cost.usd_per_gpu_hour)
        self._allowed: Lasting[None] = Lasting(PERMISSION_SECONDS, _MOST_CALLERS, PATIENCE_SECONDS, clock)
        self._flight: asyncio.Task[None] | None = None
        self._begun: float | None = None
        self._read_at: float | None = None
        self._reading: Reading | None = None
        self._state: tuple[Family, ...] = ()
        self._process: tuple[Family, ...] = ()
        registry = CollectorRegistry()
        registry.register(self)
        self._texts = Texts(registry)
        self._report = ReportFigures(
            lambda: figures(base, measured, clock), self._report_failed, self._texts.renew, clock
        )

    async def scrape(self, caller: Caller, accept: str) -> Exposition:
        """Return all metrics for a client with this header ``Accept``.

        Raises:
            Failure: 403 if the caller may not read the jobs; 503 if Airflow does not answer and the caller is new.
        """
        await self._refresh(caller)
        ready = self._texts.ready(accept)
        return await asyncio.to_thread(self._texts.make, accept) if ready is None else ready

    async def reading(self, caller: Caller) -> Reading | None:
        """Return the last reading, which scrapes and pages share; None before the first. Raises as ``scrape`` does."""
        await self._refresh(caller)
        return self._reading

    def report(self) -> Figures | None:
        """Return the figures of the last report, None before the first. Does not block."""
        return self._report.latest()

    async def _refresh(self, caller: Caller) -> None:
        """Begin a reading if it is time, and wait for it as long as a scrape may."""
        await self._allowed.get(
            caller.key_id or caller.authorization, lambda: self._readings.require_read(caller.authorization)
        )
        now = self._clock.monotonic()
        if self._flight is None and (self._begun is None or now - self._begun >= COLLECT_SECONDS):
            self._begun = now
            self._flight = asyncio.create_task(self._collect(caller.authorization))
            self._flight.add_done_callback(self._land)
        if self._flight is not None:
            is_usable = self._read_at is not None and now - self._read_at <= USABLE_SECONDS
            await asyncio.wait([self._flight], timeout=SOON_SECONDS if is_usable else WAIT_SECONDS)

    def collect(self) -> Iterable[Family]:
        """Return the families of all metrics, for the registry."""
        yield from self._state
        report = self._report.latest()
        if report is not None:
            samples = Samples()
            add_report(samples, report)
            yield from samples.families()
        yield from self._process
        build = Samples()
        build.add(names.BUILD_INFO, 1, *versions())
        yield from build.families()
        yield from collected(self._errors)
        yield from collected(self._requests)

    async def _collect(self, authorization: str) -> None:
        began = self._clock.monotonic()
        try:
            runs = await open_runs(self._airflow, authorization, INFERENCE_DAG, most=MOST_JOBS + 1)
            await asyncio.to_thread(self._read, runs, began)
        except Failure as failure:
            self._failed("airflow", failure)
        except StoreError as error:
            self._failed("store", error)
        except Exception:
            self._errors.labels("internal").inc()
            _log.exception("event=metrics_not_read reason=internal")
        await asyncio.to_thread(self._texts.renew)

    def _read(self, runs: Sequence[DagRun], began: float) -> None:
        reading = self._reader.read(runs)
        samples = Samples()
        add_service(samples, reading)
        for job in reading.jobs:
            add_job(samples, job, reading.details.get(job.found.job_id), reading.at)
        process = Samples()
        process.add(names.EXPORTER_LAST_SUCCESS, reading.at.timestamp())
        process.add(names.EXPORTER_DURATION, self._clock.monotonic() - began)
        process.add(names.EXPORTER_SKEW, reading.skew)
        self._reading = reading
        self._state, self._process = samples.families(), process.families()
        self._read_at = self._clock.monotonic()

    def _land(self, _: asyncio.Task[None]) -> None:
        self._flight = None

    def _report_failed(self, error: Exception) -> None:
        self._failed("report", error)

    def _failed(self, reason: str, error: Exception) -> None:
        self._errors.labels(reason).inc()
        _log.warning("event=metrics_not_read reason=%s error=%s; the last ones are shown", reason, shown(error))
