"""The alerts of one job: raised when they are due, sent, and ended. Only the store remembers what was raised."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime

from llmbatch.core.alerts import Alert, Level, read_alerts
from llmbatch.core.config import AlertsConfig, SlaConfig
from llmbatch.core.errors import ObjectExists, ObjectMissing
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import Progress
from llmbatch.core.sla import LevelMachine, Promise
from llmbatch.core.sla_alert import compose
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.alerting.delivery import deliver
from llmbatch.orchestrator.alerting.sinks import sinks_of

STALL_SECONDS = 60.0
"""Age from which a heartbeat's ETA is not believed."""

DELIVERY_SECONDS = 15.0
"""How often what a sink has not taken is tried again."""


@dataclass
class SlaAlerts:
    """Looks at a job on behalf of one watcher; any number of watchers may look at the same job.

    Every method blocks and may raise ``StoreError``; the next call makes up for it.

    Attributes:
        promise: of the job.
        layout: its folder.
        store: where it is.
        raised_by: who watches: ``sensor``, ``deadline`` or ``report``.
        sla: thresholds.
        alerts: sinks and runbook.
        stall_seconds: age from which a heartbeat's ETA is not believed.
        log: of the watcher.
    """

    promise: Promise
    layout: JobLayout
    store: ObjectStore
    raised_by: str
    sla: SlaConfig
    alerts: AlertsConfig
    stall_seconds: float = STALL_SECONDS
    log: logging.Logger = field(default_factory=lambda: logging.getLogger(__name__))
    machine: LevelMachine = field(init=False)
    """Levels and rows of polls."""
    is_restored: bool = field(default=False, init=False)
    """Whether the machine knows what the store remembers."""
    _delivered_at: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.machine = LevelMachine(self.promise.created_at, self.promise.deadline, self.sla)

    def look(self, progress: Progress | None, now: datetime) -> tuple[Alert, ...]:
        """Count a poll and raise what is due of a job that has no manifest. Return what this call raised."""
        if not self.is_restored:
            self._restore()
        self.machine.observe(None if self._is_stale(progress, now) else progress)
        if not self.machine.due(now):
            return ()
        self._restore()  # another watcher may have been faster
        due = self.machine.due(now)
        if not due or self._is_finished():
            return ()
        return tuple(alert for level in due if (alert := self._raise(level, progress, now)) is not None)

    def close(self, progress: Progress | None, reason: str, now: datetime) -> Alert | None:
        """Raise an ``ok`` if anything still fires, for the watch is over. Return it if this call raised it."""
        self._restore()
        return self._raise(Level.OK, progress, now, reason) if self.machine.firing else None

    def send(self, now: datetime, *, at_once: bool) -> None:
        """Send what has not reached every sink, if there is anything: at once, or when it is time again."""
        if not any(self.machine.raised.values()):
            return
        waited = None if self._delivered_at is None else (now - self._delivered_at).total_seconds()
        if at_once or waited is None or waited >= DELIVERY_SECONDS:
            self._delivered_at = now
            deliver(self.store, self.layout, sinks_of(self.alerts), self.log)

    def _restore(self) -> None:
        self.machine.restore(read_alerts(self.store, self.layout))
        self.is_restored = True

    def _raise(self, level: Level, progress: Progress | None, now: datetime, reason: str = "") -> Alert | None:
        alert = compose(
            self.promise,
            level,
            self.machine.raised[level] + 1,
            progress=progress,
            is_stale=self._is_stale(progress, now),
            now=now,
            raised_by=self.raised_by,
            runbook_url=self.alerts.runbook_url,
            reason=reason,
        )
        is_ours = raise_alert(alert, self.store, self.layout)
        self.machine.note(level)
        return alert if is_ours else None

    def _is_stale(self, progress: Progress | None, now: datetime) -> bool:
        return progress is not None and (now - progress.written_at).total_seconds() > self.stall_seconds

    def _is_finished(self) -> bool:
        try:
            self.store.head(self.layout.manifest)
        except ObjectMissing:
            return False
        return True


def raise_alert(alert: Alert, store: ObjectStore, layout: JobLayout) -> bool:
    """Write the alert create-only; return whether this call raised it. Sends nothing, see ``delivery``.

    Raises:
        StoreError: the store failed; nobody can say whether the alert is there. Call again.
    """
    try:
        store.create(layout.alert(alert.level.value, alert.number), alert.model_dump_json(indent=1).encode())
    except ObjectExists:
        return False
    return True
