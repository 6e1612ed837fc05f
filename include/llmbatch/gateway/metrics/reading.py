"""What one reading of the stored state has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from llmbatch.core.admission import QueuedJob
from llmbatch.core.alerts import Level
from llmbatch.gateway.jobs.sla_status import SeenJob


@dataclass(frozen=True)
class Details:
    """What costs several requests a job.

    Attributes:
        level: of the last alert.
        gpu_hours: so far; None on CPUs.
        usd: cost so far, in US dollars; None without a price.
    """

    level: Level = Level.OK
    gpu_hours: float | None = None
    usd: float | None = None


@dataclass(frozen=True)
class Reading:
    """The jobs that are not over, and the service.

    Attributes:
        at: time of the reading, to which the heartbeats' times refer.
        jobs: without those that have a manifest, and without dry runs.
        details: by job id, of accepted jobs.
        queue: the admission queue, which may name jobs that are over.
        is_admitting: whether jobs are admitted.
        skew: seconds by which this machine's clock is ahead of the store's; None: the store does not report its time.
    """

    at: datetime
    jobs: tuple[SeenJob, ...] = ()
    details: Mapping[str, Details] = field(default_factory=dict)
    queue: tuple[QueuedJob, ...] = ()
    is_admitting: bool = True
    skew: float | None = None
