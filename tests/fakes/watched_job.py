"""A job whose SLA is watched, with the alerts sent and the reactions requested for it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fakes.clocks import AdjustableClock
from fakes.sla import CONFIG, accepted, alert_names, heartbeat
from llmbatch.core.config_sections import SlaConfig
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.progress import Progress
from llmbatch.core.request_options import Reactions
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.alerting import job_alerts
from llmbatch.orchestrator.watch import sla as sla_watch
from llmbatch.orchestrator.watch import sla_reactions
from llmbatch.orchestrator.watch.sla import SlaWatch

START = datetime(2030, 1, 1, tzinfo=UTC)
QUICK = SlaConfig(red_polls=2, red_for=0, red_from=0)


class WatchedJob:
    """A job, its watch, and what was sent and requested."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, reactions: Reactions) -> None:
        self.clock, self.store = AdjustableClock(START), MemoryStore()
        self.spec: JobSpec = accepted(self.store, START, reactions=reactions)
        self.sent: list[int] = []
        self.asked: list[str] = []
        self.broken: dict[str, Exception] = {}
        self.sequence = 0
        self.last: Progress | None = None
        monkeypatch.setattr(job_alerts, "deliver", self.deliver)
        monkeypatch.setattr(sla_reactions, "take_next_step", self.take_next_step)
        monkeypatch.setattr(sla_reactions, "resume_paused", self.resume_paused)
        monkeypatch.setattr(sla_watch, "load_settings", lambda: CONFIG.model_copy(update={"sla": QUICK}))
        self.said: list[str] = []
        self.restart()

    def restart(self) -> None:
        """Begin anew, as after the death of a triggerer."""
        log = logging.Logger("watch")
        handler = logging.Handler()
        handler.emit = lambda record: self.said.append(record.getMessage())  # type: ignore[method-assign]
        log.addHandler(handler)
        self.watch = SlaWatch(self.spec.root_uri, self.clock, log)

    def deliver(self, store: Any, layout: Any, sinks: Any, log: Any, clock: Any) -> None:
        self._break("deliver")
        self.sent.append(len(alert_names(self.spec, self.store)))

    def take_next_step(self, spec: JobSpec, progress: Progress, *_: Any, **__: Any) -> tuple[()]:
        self._break("reaction")
        self.asked.append("risk")
        return ()

    def resume_paused(self, spec: JobSpec, *_: Any, **__: Any) -> tuple[()]:
        self._break("reaction")
        self.asked.append("safe")
        return ()

    def _break(self, part: str) -> None:
        if part in self.broken:
            raise self.broken[part]

    def poll(self, count: int, *, late: bool | None, seconds: float = 2) -> None:
        """Let so many new heartbeats come and be looked at."""
        for _ in range(count):
            self.clock.advance(seconds)
            self.sequence += 1
            self.last = heartbeat(self.spec, self.clock.now(), self.sequence, late=late)
            self.watch.look(self.store, self.last)

    def wait(self, minute: float) -> None:
        """Let time pass until so many minutes after the start, then look at the old heartbeat."""
        self.clock.advance((START + timedelta(minutes=minute) - self.clock.now()).total_seconds())
        self.watch.look(self.store, self.last)

    @property
    def alerts(self) -> list[str]:
        return alert_names(self.spec, self.store)
