"""An alert: a change of a job's SLA level, with what the person on call needs to know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.durations import duration
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import EtaSeconds
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_if_readable


class Level(StrEnum):
    """SLA levels, the worst last. An ``ok`` alert resolves the earlier ones."""

    OK = "ok"
    YELLOW = "yellow"
    RED = "red"
    CRITICAL = "critical"


class Alert(BaseModel):
    """``alerts/<level>-<n>.json``. The process that creates the object sends the alert.

    Attributes:
        number: from 1, counted for each level of the job.
        raised_by: ``sensor``, ``deadline`` or ``report``.
        eta: seconds from ``raised_at``; null while it was unknown.
        miss_probability: 0 to 1; null while the ETA was unknown.
        reason: what the prediction depends on most.
        progress: part of the rows with an outcome, 0 to 1.
        replicas: engines that answered.
        replicas_needed: smallest number whose P90 would keep the deadline; null if none would, or if unknown.
        advice: what the reader can do.
        runbook_url: the runbook page; empty if none is configured.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    job_id: str
    dag_id: str
    run_id: str
    level: Level
    number: int
    raised_at: AwareDatetime
    raised_by: str
    deadline: AwareDatetime
    eta: EtaSeconds | None = None
    miss_probability: float | None = None
    reason: str = ""
    progress: float | None = None
    replicas: int = 0
    replicas_needed: int | None = None
    advice: str = ""
    runbook_url: str = ""

    @property
    def alert_id(self) -> str:
        """The key by which receivers recognize a repetition."""
        return f"{self.job_id}:{self.level.value}-{self.number}"

    @property
    def late_seconds(self) -> float | None:
        """Seconds between the deadline and the expected finish, negative if it is early; None while unknown."""
        if self.eta is None:
            return None
        return self.eta.p50 - (self.deadline - self.raised_at).total_seconds()


_TITLES = {
    Level.OK: "the SLA alarm is over",
    Level.YELLOW: "the SLA time is running out",
    Level.RED: "the SLA is at risk",
    Level.CRITICAL: "the SLA is violated",
}

_SITUATIONS = {
    Level.OK: "needs no more attention",
    Level.YELLOW: "has used most of its time and is not finished",
    Level.RED: "is likely to miss its deadline",
    Level.CRITICAL: "has missed its deadline and is not finished",
}


def title(alert: Alert) -> str:
    """Return one line, e.g. ``[red] job-1: the SLA is at risk, expected 1 h 10 min late``."""
    late = alert.late_seconds
    tail = f", expected {duration(late)} late" if alert.level is not Level.OK and late is not None and late > 0 else ""
    return f"[{alert.level.value}] {alert.job_id}: {_TITLES[alert.level]}{tail}"


def message(alert: Alert) -> str:
    """Return one paragraph: the job, its situation, the prediction and its reason, advice, the runbook."""
    until = (alert.deadline - alert.raised_at).total_seconds()
    when = f"in {duration(until)}" if until > 0 else f"{duration(-until)} ago"
    parts = [
        f"Job {alert.job_id} (run {alert.run_id} of {alert.dag_id}) {_SITUATIONS[alert.level]}. "
        f"Deadline: {_stamp(alert.deadline)}, {when}."
    ]
    if alert.progress is not None:
        parts.append(f"{alert.progress:.0%} of the rows have an outcome; live replicas: {alert.replicas}.")
    parts.append(_prediction(alert))
    if alert.replicas_needed is not None:
        parts.append(f"{alert.replicas_needed} replicas would keep the deadline.")
    if alert.advice:
        parts.append(_sentence(f"Advice: {alert.advice}"))
    if alert.runbook_url:
        parts.append(f"Runbook: {alert.runbook_url}")
    return " ".join(part for part in parts if part)


def _prediction(alert: Alert) -> str:
    """Return the expected finish with its reason, or why it is unknown."""
    late = alert.late_seconds
    if alert.eta is None or late is None:
        unknown = "" if alert.level is Level.OK else "The time of its finish is unknown"
        return _sentence(": ".join(part for part in (unknown, alert.reason) if part))
    verdict = f"{duration(late)} late" if late > 0 else f"{duration(-late)} before the deadline"
    chance = "" if alert.miss_probability is None else f", chance of a miss {alert.miss_probability:.0%}"
    why = f": {alert.reason}" if alert.reason else ""
    span = f"{duration(alert.eta.p10)} to {duration(alert.eta.p90)}"
    return _sentence(f"Expected to finish in {duration(alert.eta.p50)} ({span}), {verdict}{chance}{why}")


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True)
class StoredAlerts:
    """The alerts of a job in the order in which they were raised, and the numbers that are taken.

    An unreadable alert, say of a later version, counts as not raised; only its number is taken.
    """

    raised: tuple[Alert, ...]
    unreadable: Mapping[str, int]
    """Number of unreadable alerts by level."""


def list_alerts(store: ObjectStore, layout: JobLayout) -> StoredAlerts:
    """Return the job's alerts. An unreadable one is logged and counted only. Raises ``StoreError``."""
    raised: list[Alert] = []
    unreadable: Counter[str] = Counter()
    for uri in [item.uri for item in store.list(layout.alerts)]:
        level, dash, _ = uri.removeprefix(layout.alerts).rpartition("-")
        if not dash or "/" in level or not uri.endswith(".json"):
            continue
        alert = read_if_readable(Alert, uri, store)
        if alert is None:
            unreadable[level] += 1
        else:
            raised.append(alert)
    return StoredAlerts(tuple(sorted(raised, key=lambda alert: (alert.raised_at, alert.number))), unreadable)


def read_alerts(store: ObjectStore, layout: JobLayout) -> tuple[Alert, ...]:
    """Return the job's readable alerts in the order in which they were raised. Raises ``StoreError``."""
    return list_alerts(store, layout).raised
