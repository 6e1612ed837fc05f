"""When the watch of a job requests a reaction to its risk, and when it takes pauses of other jobs back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from llmbatch.core.alerts import Level
from llmbatch.core.clock import Clock
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.progress import Progress
from llmbatch.core.reactions import ReactionRecords
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.alerting.job_alerts import JobAlerts
from llmbatch.orchestrator.steering.pauses import resume_paused
from llmbatch.orchestrator.steering.reactions import take_next_step


@dataclass
class SlaReactions:
    """Requests the reactions of one job. Every method blocks and may raise ``StoreError``; call again.

    Attributes:
        spec: the job; its request names the reactions that are allowed.
        alerts: the job's alerts; they hold whether a red alert is in force.
        store: the store that holds all jobs.
        clock: for the records of reactions.
    """

    spec: JobSpec
    alerts: JobAlerts
    store: ObjectStore
    clock: Clock
    _handled: tuple[int, int] | None = field(default=None, init=False)
    _may_hold_pauses: bool | None = field(default=None, init=False)
    _records: ReactionRecords = field(init=False)

    def __post_init__(self) -> None:
        self._records = ReactionRecords(self.store, self.spec.layout)

    def look(self, progress: Progress | None, now: datetime) -> None:
        """Request the next step once for each heartbeat while a red alert holds before the deadline.

        After the alert or the deadline, resume paused jobs once.
        """
        if progress is None or self.spec.request.reactions.is_empty:
            return
        if not self.alerts.machine.at_risk or now >= self.spec.deadline:
            self._resume_others()
            return
        self._may_hold_pauses = True
        heartbeat = (progress.generation, progress.sequence)
        if heartbeat != self._handled and progress.eta is not None:
            take_next_step(self.spec, progress, self._records, store=self.store, clock=self.clock)
            self._handled = heartbeat

    def close(self, progress: Progress | None) -> None:
        """Resume paused jobs, because the watch ends. A job without a heartbeat has paused none."""
        if progress is not None and not self.spec.request.reactions.is_empty:
            self._resume_others()

    def _resume_others(self) -> None:
        if self._may_hold_pauses is None and self.alerts.is_restored:
            # A restarted watch: earlier ones may have paused jobs if there was a red alert.
            self._may_hold_pauses = self.alerts.machine.raised[Level.RED] > 0
        if self._may_hold_pauses:
            resume_paused(self.spec, self._records, store=self.store, clock=self.clock)
            self._may_hold_pauses = False
