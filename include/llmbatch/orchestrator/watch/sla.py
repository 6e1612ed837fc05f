"""What the watch of a running job does about its SLA: alerts, their delivery, reactions. Nothing of it ever fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from llmbatch.core.alerts import Level, duration
from llmbatch.core.clock import Clock
from llmbatch.core.config import AlertsConfig, SlaConfig
from llmbatch.core.errors import ConfigError
from llmbatch.core.job_request import Reactions
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import Progress
from llmbatch.core.sla import Promise
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.alerting.job_alerts import STALL_SECONDS, SlaAlerts
from llmbatch.orchestrator.deployment.settings import load_settings
from llmbatch.orchestrator.steering.reactions import react


def finished_reason(deadline: datetime, finished_at: datetime) -> str:
    """Say when a job finished, e.g. ``the job finished 3 min before its deadline``."""
    margin = (deadline - finished_at).total_seconds()
    return f"the job finished {duration(abs(margin))} {'before' if margin >= 0 else 'after'} its deadline"


@dataclass
class SlaWatch:
    """The memory between two looks. Blocks, so a trigger calls it in a thread; one call at a time.

    A restarted one goes on from the store: it raises nothing twice, and what was raised but not sent is sent.
    Spec and settings are read at the first look at which that is possible.
    """

    job_uri: str
    clock: Clock
    log: logging.Logger
    stall_seconds: float = STALL_SECONDS
    raised_by: str = "sensor"
    _spec: JobSpec | None = field(default=None, init=False)
    _alerts: SlaAlerts | None = field(default=None, init=False)
    _problems: dict[str, str] = field(default_factory=dict, init=False)
    _reacted_to: tuple[int, int] | None = field(default=None, init=False)
    _owes_relief: bool | None = field(default=None, init=False)

    def look(self, store: ObjectStore, progress: Progress | None) -> None:
        """Raise what is due, send it, and react."""
        now, raised = self.clock.now(), False

        def speak() -> None:
            nonlocal raised
            raised = bool(self._open(store).look(progress, now))

        if not self._guarded("opening the SLA", lambda: self._open(store)):
            return
        self._guarded("alerts", speak)
        self._guarded("delivery", lambda: self._open(store).send(now, at_once=raised))
        self._guarded("reactions", lambda: self._react(store, progress, now))

    def close(self, store: ObjectStore, progress: Progress | None, reason: str = "") -> bool:
        """End what still fires and take back what others were asked to bear. Return whether all of it worked.

        Args:
            store: where the job is.
            progress: the last heartbeat.
            reason: why the watch is over; empty: the job has finished.
        """
        now = self.clock.now()

        def speak() -> None:
            alerts = self._open(store)
            alerts.close(progress, reason or finished_reason(alerts.promise.deadline, now), now)

        def relieve() -> None:
            if self._spec is not None and progress is not None and self._is_relief_owed():
                react(self._spec, progress, at_risk=False, safe=True, store=store, clock=self.clock)
                self._owes_relief = False

        if not self._guarded("opening the SLA", lambda: self._open(store)):
            return False
        told = self._guarded("alerts", speak)
        self._guarded("delivery", lambda: self._open(store).send(now, at_once=True))
        return self._guarded("reactions", relieve) and told

    def _open(self, store: ObjectStore) -> SlaAlerts:
        if self._alerts is None:
            self._spec = JobSpec.model_validate_json(store.get(JobLayout(self.job_uri).spec))
            sla, alerts = self._settings()
            self._alerts = SlaAlerts(
                Promise.of(self._spec),
                JobLayout(self.job_uri),
                store,
                self.raised_by,
                sla,
                alerts,
                stall_seconds=self.stall_seconds,
                log=self.log,
            )
        return self._alerts

    def _settings(self) -> tuple[SlaConfig, AlertsConfig]:
        try:
            config = load_settings()
        except ConfigError as error:
            self.log.warning(
                "event=config_unreadable job_uri=%s; default SLA thresholds, and the log as the only sink: %s",
                self.job_uri,
                error,
            )
            return SlaConfig(), AlertsConfig()
        return config.sla, config.alerts

    def _react(self, store: ObjectStore, progress: Progress | None, now: datetime) -> None:
        """Ask for the next step once for each new heartbeat while a red holds, and for relief once it is over."""
        spec, alerts = self._spec, self._alerts
        if spec is None or alerts is None or progress is None or spec.request.reactions == Reactions():
            return
        if not alerts.machine.at_risk:
            if self._is_relief_owed():
                react(spec, progress, at_risk=False, safe=True, store=store, clock=self.clock)
                self._owes_relief = False
            return
        self._owes_relief = True
        poll = (progress.generation, progress.sequence)
        if poll != self._reacted_to and progress.eta is not None and now < spec.deadline:
            react(spec, progress, at_risk=True, safe=False, store=store, clock=self.clock)
            self._reacted_to = poll

    def _is_relief_owed(self) -> bool:
        """Whether reactions may still hold; a restarted watch goes by whether there was a red."""
        if self._spec is None or self._alerts is None or self._spec.request.reactions == Reactions():
            return False
        if not self._alerts.is_restored:
            return False
        if self._owes_relief is None:
            self._owes_relief = self._alerts.machine.raised[Level.RED] > 0
        return self._owes_relief

    def _guarded(self, part: str, step: Callable[[], object]) -> bool:
        """Do a step; a failure is logged once until it changes, and the next look tries again."""
        try:
            step()
        except Exception as error:  # an alert never costs a job
            if self._problems.get(part) != str(error):
                self._problems[part] = str(error)
                self.log.warning(
                    "event=sla_step_failed job_uri=%s step=%s error=%s; it is tried again", self.job_uri, part, error
                )
            return False
        self._problems.pop(part, None)
        return True
