"""The SLA of one job and its levels: which alert is due when. Pure: the caller passes the time, raises and sends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from llmbatch.core.alerts import Alert, Level
from llmbatch.core.config_sections import SlaConfig
from llmbatch.core.eta.spread import miss_probability
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.progress import Progress


@dataclass(frozen=True)
class JobSla:
    """A job and its deadline. ``request`` is None for a run whose job is not accepted yet."""

    job_id: str
    dag_id: str
    run_id: str
    created_at: datetime
    deadline: datetime
    request: JobRequest | None = None

    @classmethod
    def of(cls, spec: JobSpec) -> JobSla:
        """Return the SLA of an accepted job."""
        return cls(spec.job_id, spec.dag_id, spec.run_id, spec.created_at, spec.deadline, spec.request)


def chance_of_miss(progress: Progress | None, deadline: datetime) -> float | None:
    """Return the probability that the job finishes after the deadline; None while the ETA is unknown.

    The quantiles count from ``written_at``, and so does the time to the deadline; the age of a heartbeat cancels out.
    """
    if progress is None or progress.eta is None:
        return None
    eta, left = progress.eta, (deadline - progress.written_at).total_seconds()
    return miss_probability(left, eta.p10, eta.p50, eta.p90)


@dataclass
class LevelMachine:
    """Counts polls and alerts, and returns which alerts are due.

    Yellow and critical depend on time alone, each once per job: an unknown ETA cannot hide them. Red needs several
    polls in a row, and so does its end; it may be raised again after an ``ok``. The caller reports each alert that was
    written (``note``), so that one which could not be written stays due, and another process can continue from the
    store.

    Attributes:
        created_at: when the job was submitted.
        deadline: when it has to be finished.
        config: thresholds.
        raised: alerts so far, by level.
        firing: levels raised since the last ``ok``.
    """

    created_at: datetime
    deadline: datetime
    config: SlaConfig = field(default_factory=SlaConfig)
    raised: Counter[Level] = field(default_factory=Counter)
    firing: set[Level] = field(default_factory=set)
    _above: int = 0
    _above_since: datetime | None = None
    _has_evidence: bool = False
    _calm: int = 0
    _poll: tuple[int, int] | None = None

    @property
    def at_risk(self) -> bool:
        """Whether a red alert holds."""
        return Level.RED in self.firing

    def restore(self, alerts: Iterable[Alert]) -> None:
        """Replace the alerts by those in the store, in the order in which they were raised. Counted polls stay."""
        self.raised.clear()
        self.firing.clear()
        for alert in alerts:
            self.note(alert.level)

    def note(self, level: Level) -> None:
        """Record that the next alert of a level exists, raised by this or another process."""
        self.raised[level] += 1
        if level is Level.OK:
            self.firing.clear()
        else:
            self.firing.add(level)

    def observe(self, progress: Progress | None) -> None:
        """Count a poll. The same heartbeat twice is one poll; None, a stall and an unknown ETA end every row."""
        chance = chance_of_miss(progress, self.deadline)
        if progress is None or chance is None:
            self._above = self._calm = 0
            return
        poll = (progress.generation, progress.sequence)
        if poll == self._poll:
            return
        self._poll = poll
        self._above = self._above + 1 if chance > self.config.red_above else 0
        if self._above == 1:
            self._above_since = progress.written_at
        self._has_evidence = (progress.work_progress or 0.0) >= self.config.red_from
        self._calm = self._calm + 1 if chance < self.config.calm_below else 0

    def due(self, now: datetime) -> tuple[Level, ...]:
        """Return the alerts that are due now, for a job that is not finished.

        After the deadline only ``critical`` is due: a yellow or red alert of the time before no longer helps.
        """
        if now >= self.deadline:
            return () if self.raised[Level.CRITICAL] else (Level.CRITICAL,)
        found: list[Level] = []
        if self.at_risk and self._calm >= self.config.calm_polls:
            found.append(Level.OK)
        if not self.raised[Level.YELLOW] and self.share_used(now) >= self.config.yellow_at:
            found.append(Level.YELLOW)
        if not self.at_risk and self._is_red(now):
            found.append(Level.RED)
        return tuple(found)

    def _is_red(self, now: datetime) -> bool:
        """Whether a miss was likely at enough polls, for long enough, after enough of the work or time."""
        if self._above < self.config.red_polls or self._above_since is None:
            return False
        if not self._has_evidence and self.share_used(now) < self.config.red_anyway_from:
            return False
        return now - self._above_since >= self.config.red_for * (self.deadline - self.created_at)

    def share_used(self, now: datetime) -> float:
        """Return the share of the time from submission to deadline that has passed."""
        return (now - self.created_at) / (self.deadline - self.created_at)
