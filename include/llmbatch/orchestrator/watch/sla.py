"""What the watch of a running job does about its SLA: alerts, their delivery, reactions. It never fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from llmbatch.core.alert_settings import AlertsConfig
from llmbatch.core.clock import Clock
from llmbatch.core.config_sections import SlaConfig
from llmbatch.core.durations import duration
from llmbatch.core.errors import ConfigError
from llmbatch.core.progress import Progress
from llmbatch.core.shown import shown
from llmbatch.core.sla import JobSla
from llmbatch.core.staleness import STALLED_SECONDS
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.alerting.job_alerts import JobAlerts
from llmbatch.orchestrator.deployment.settings import load_settings
from llmbatch.orchestrator.jobs.documents import read_spec
from llmbatch.orchestrator.watch.sla_reactions import SlaReactions

LAST_DELIVERIES, LAST_DELIVERY_PAUSE = 18, 5.0
"""How often, and after which pause in seconds, the last watcher of a job repeats deliveries: for 90 s in all."""


def finished_reason(deadline: datetime, finished_at: datetime) -> str:
    """Return when a job finished as a clause, e.g. ``the job finished 3 min before its deadline``."""
    margin = (deadline - finished_at).total_seconds()
    return f"the job finished {duration(abs(margin))} {'before' if margin >= 0 else 'after'} its deadline"


@dataclass(frozen=True)
class _OpenJob:
    """The job's alerts, which hold its SLA, and its reactions."""

    alerts: JobAlerts
    reactions: SlaReactions


@dataclass
class SlaWatch:
    """Runs the steps of one watch: alerts, delivery, reactions. A failed step is logged, and the next call repeats it.

    It blocks, so a trigger calls it in a thread, one call at a time. A restarted watch continues from the store: it
    raises no alert twice, and sends alerts that were raised but not sent. Spec and settings are read by the first call
    that can read them.

    Attributes:
        job_uri: the job's folder.
        clock: for alerts and deliveries.
        log: where failures are logged, each once until it changes.
        stall_seconds: age of a heartbeat, in seconds, from which its ETA is ignored.
        raised_by: the watcher's name in its alerts: ``sensor``, ``deadline`` or ``report``.
    """

    job_uri: str
    clock: Clock
    log: logging.Logger
    stall_seconds: float = STALLED_SECONDS
    raised_by: str = "sensor"
    _job: _OpenJob | None = field(default=None, init=False)
    _problems: dict[str, str] = field(default_factory=dict, init=False)

    def look(self, store: ObjectStore, progress: Progress | None) -> None:
        """Raise the alerts that are due, send them, and react to a risk."""
        job, now = self._open(store), self.clock.now()
        if job is not None:
            self._run(
                {
                    "alerts": partial(job.alerts.raise_due, progress, now),
                    "delivery": job.alerts.send_due,
                    "reactions": partial(job.reactions.look, progress, now),
                }
            )

    def close(self, store: ObjectStore, progress: Progress | None, reason: str = "") -> bool:
        """Resolve what still fires and resume jobs that this one paused. Return whether both worked.

        A failed delivery does not count: the alert is stored, and any later watcher of the job sends it.

        Args:
            store: the store that holds the job.
            progress: the last heartbeat.
            reason: why the watch ends; empty: the job has finished.
        """
        job, now = self._open(store), self.clock.now()
        if job is None:
            return False
        why = reason or finished_reason(job.alerts.sla.deadline, now)
        failed = self._run(
            {
                "alerts": partial(job.alerts.resolve, progress, why, now),
                "delivery": job.alerts.send,
                "reactions": partial(job.reactions.close, progress),
            }
        )
        return failed <= {"delivery"}

    def deliver(self, store: ObjectStore) -> bool:
        """Send what a sink lacks; return whether none lacks anything. The last watcher of a job repeats it.

        Another process that died while it sent an alert keeps it for a minute. No later watcher would send it then.
        """
        job = self._open(store)
        if job is None:
            return True  # it cannot be read, so nothing is known to send
        return not self._run({"delivery": job.alerts.send}) and job.alerts.is_delivered

    def _open(self, store: ObjectStore) -> _OpenJob | None:
        if self._job is None:
            self._run({"opening the SLA": partial(self._read, store)})
        return self._job

    def _read(self, store: ObjectStore) -> None:
        spec = read_spec(self.job_uri, store, is_strict=False)
        thresholds, settings = self._settings()
        alerts = JobAlerts(
            JobSla.of(spec),
            spec.layout,
            store,
            self.clock,
            self.raised_by,
            thresholds,
            settings,
            stall_seconds=self.stall_seconds,
            log=self.log,
        )
        self._job = _OpenJob(alerts, SlaReactions(spec, alerts, store, self.clock))

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

    def _run(self, steps: Mapping[str, Callable[[], object]]) -> set[str]:
        """Run all steps in order and return the names of those that failed. No failure keeps a later step from running.

        A failure is logged once until it changes; the next call repeats the step.
        """
        failed: set[str] = set()
        for name, step in steps.items():
            try:
                step()
            except Exception as error:  # a failed alert must not fail the job
                failed.add(name)
                if self._problems.get(name) != str(error):
                    self._problems[name] = str(error)
                    self.log.warning(
                        "event=sla_step_failed job_uri=%s step=%s error=%s; it is repeated",
                        self.job_uri,
                        name,
                        shown(error),
                    )
            else:
                self._problems.pop(name, None)
        return failed
