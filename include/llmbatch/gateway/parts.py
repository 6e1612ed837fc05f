"""What every route works with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from llmbatch.core.clock import Clock
from llmbatch.core.config import Config
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.access.access import Access
from llmbatch.gateway.airflow.client import AirflowClient
from llmbatch.gateway.jobs.checks import DailyChecks
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.known_runs import KnownRuns
from llmbatch.gateway.jobs.readings import Readings
from llmbatch.gateway.metrics.exporter import Exporter
from llmbatch.gateway.pages.job.readings import JobReadings
from llmbatch.gateway.pages.job_figures import JobFigures
from llmbatch.gateway.pages.job_list.job_list import JobList


@dataclass(frozen=True)
class Parts:
    """The dependencies of the routes. Routes hold no state of their own: it is in Airflow and in the store."""

    config: Config
    store: ObjectStore
    airflow: AirflowClient
    access: Access
    clock: Clock

    @cached_property
    def documents(self) -> JobDocuments:
        """Documents of jobs, read through a cache of seconds."""
        return JobDocuments(self.config.store.base_uri, self.store, self.clock)

    @cached_property
    def known_runs(self) -> KnownRuns:
        """Runs that polls ask for, read once in seconds."""
        return KnownRuns(self.airflow, self.clock)

    @cached_property
    def readings(self) -> Readings:
        """Readings of all jobs, which requests share for seconds."""
        return Readings(self.config.store.base_uri, self.store, self.documents, self.airflow, self.clock)

    @cached_property
    def job_figures(self) -> JobFigures:
        """The figures of jobs, which those who look at one share for seconds."""
        return JobFigures(self.documents, self.store, self.clock)

    @cached_property
    def exporter(self) -> Exporter:
        """The exporter of metrics, which scrapes share for seconds."""
        return Exporter(self.config, self.store, self.airflow, self.readings, self.clock)

    @cached_property
    def job_list(self) -> JobList:
        """The page of all jobs, which its readers share for seconds."""
        return JobList(self.config, self.store, self.documents, self.airflow, self.exporter, self.clock)

    @cached_property
    def checks(self) -> DailyChecks:
        """The daily checks, which requests of one caller share for seconds."""
        return DailyChecks(self.config, self.store, self.airflow, self.readings, self.clock)

    @cached_property
    def job_readings(self) -> JobReadings:
        """What pages of single jobs read, kept for seconds."""
        return JobReadings(self.config, self.store, self.airflow, self.clock)
