"""The SLA alerts of one job: raised when they are due, sent, and resolved. Only the store records which were raised."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime

from llmbatch.core import metrics
from llmbatch.core.alert_content import compose
from llmbatch.core.alert_settings import AlertsConfig
from llmbatch.core.alerts import Alert, Level, StoredAlerts, list_alerts
from llmbatch.core.clock import Clock
from llmbatch.core.config_sections import SlaConfig
from llmbatch.core.errors import ObjectExists
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import is_published
from llmbatch.core.progress import Progress
from llmbatch.core.sla import JobSla, LevelMachine
from llmbatch.core.staleness import STALLED_SECONDS
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.alerting.delivery import deliver
from llmbatch.orchestrator.alerting.sinks import sinks_of
from llmbatch.orchestrator.metrics.events import count

DELIVERY_SECONDS = 15.0
"""Time between two attempts to deliver what a sink has not accepted."""


@dataclass
class JobAlerts:
    """The alerts of one job as one watcher handles them; several watchers may handle the same job at once.

    Every method blocks and may raise ``StoreError``; the next call then completes the work.

    Attributes:
        sla: the job's SLA.
        layout: the job's folder.
        store: the store that holds it.
        clock: for the time between two deliveries.
        raised_by: the watcher: ``sensor``, ``deadline`` or ``report``.
        thresholds: when an alert is due.
        settings: sinks and runbook.
        stall_seconds: age of a heartbeat, in seconds, from which its ETA is ignored.
        log: the watcher's log.
    """

    sla: JobSla
    layout: JobLayout
    store: ObjectStore
    clock: Clock
    raised_by: str
    thresholds: SlaConfig
    settings: AlertsConfig
    stall_seconds: float = STALLED_SECONDS
    log: logging.Logger = field(default_factory=lambda: logging.getLogger(__name__))
    machine: LevelMachine = field(init=False)
    """Levels raised so far, and the polls that the next ones depend on."""
    is_restored: bool = field(default=False, init=False)
    """Whether the machine has read the alerts in the store."""
    is_delivered: bool = field(default=True, init=False)
    """Whether the last call of ``send`` left no alert that a sink lacks."""
    _sent_at: float | None = field(default=None, init=False)
    _has_new: bool = field(default=False, init=False)
    _stored: StoredAlerts = field(default=StoredAlerts((), {}), init=False)

    def __post_init__(self) -> None:
        self.machine = LevelMachine(self.sla.created_at, self.sla.deadline, self.thresholds)

    def raise_due(self, progress: Progress | None, now: datetime) -> tuple[Alert, ...]:
        """Count a poll and raise what is due, unless the job has a manifest. Return what this call raised."""
        if not self.is_restored:
            self._restore()
        self.machine.observe(None if self._is_stale(progress, now) else progress)
        if not self.machine.due(now):
            return ()
        self._restore()  # another watcher may have been faster
        due = self.machine.due(now)
        if not due or is_published(self.layout, self.store):
            return ()
        return tuple(alert for level in due if (alert := self._raise(level, progress, now)) is not None)

    def resolve(self, progress: Progress | None, reason: str, now: datetime) -> Alert | None:
        """Raise an ``ok`` if an alert still fires when the watch ends. Return it if this call raised it."""
        self._restore()
        return self._raise(Level.OK, progress, now, reason) if self.machine.firing else None

    def send_due(self) -> None:
        """Send what a sink lacks: at once after a new alert, otherwise every ``DELIVERY_SECONDS``."""
        is_due = self._sent_at is None or self.clock.monotonic() - self._sent_at >= DELIVERY_SECONDS
        if is_due or self._has_new:
            self.send()

    def send(self) -> None:
        """Send what a sink lacks now."""
        if not any(self.machine.raised.values()):
            return
        self._sent_at, self._has_new = self.clock.monotonic(), False
        self.is_delivered = False
        self.is_delivered = deliver(self.store, self.layout, sinks_of(self.settings), self.log, self.clock)

    def _restore(self) -> None:
        self._stored = list_alerts(self.store, self.layout)
        self.machine.restore(self._stored.raised)
        self.is_restored = True

    def _raise(self, level: Level, progress: Progress | None, now: datetime, reason: str = "") -> Alert | None:
        alert = compose(
            self.sla,
            level,
            self.machine.raised[level] + 1 + self._stored.unreadable.get(level.value, 0),
            progress=progress,
            is_stale=self._is_stale(progress, now),
            now=now,
            raised_by=self.raised_by,
            runbook_url=self.settings.runbook_url,
            reason=reason,
        )
        is_ours = raise_alert(alert, self.store, self.layout)
        self.machine.note(level)
        self._has_new = self._has_new or is_ours
        return alert if is_ours else None

    def _is_stale(self, progress: Progress | None, now: datetime) -> bool:
        return progress is not None and progress.age(now) > self.stall_seconds


def raise_alert(alert: Alert, store: ObjectStore, layout: JobLayout) -> bool:
    """Write the alert create-only; return whether this call raised it. Sends nothing, see ``delivery``.

    Raises:
        StoreError: the store failed, and whether the alert was written is unknown. Call again.
    """
    try:
        store.create(layout.alert(alert.level.value, alert.number), alert.model_dump_json(indent=1).encode())
    except ObjectExists:
        return False
    count(metrics.SLA_ALERTS, alert.level.value)
    return True
