"""The job that this process works on, and where it reads and writes."""

from __future__ import annotations

from dataclasses import dataclass

from llmbatch.core.clock import Clock
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore


@dataclass(frozen=True)
class JobContext:
    """One generation of one job, for everything in a driver or a replica that touches the job's objects."""

    job_id: str
    generation: int
    layout: JobLayout
    store: ObjectStore
    clock: Clock
