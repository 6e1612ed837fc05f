"""What every route works with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from llmbatch.core.clock import Clock
from llmbatch.core.config import Config
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.access.access import Access
from llmbatch.gateway.airflow.client import AirflowClient
from llmbatch.gateway.jobs.documents import JobDocuments


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
