"""What to say about a job's heartbeats, and when to stop watching. No I/O: the trigger reads, this decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from llmbatch.core.progress import Progress
from llmbatch.core.states import Phase
from llmbatch.orchestrator.deployment.run_states import is_ended
from llmbatch.orchestrator.watch.event import WatchReason

QUIET_SECONDS = 60.0
"""A job that advances in small steps is reported once in this time, and at every full percent."""

PATIENCE_SECONDS = 30.0
"""How long a job may take to its first heartbeat before its run task is looked at."""


@dataclass
class ProgressWatch:
    """The memory between two looks at ``progress.json``.

    A heartbeat older than ``stall_seconds`` is a stall: its numbers stay, its ETA is unknown, and a phase ``done``
    in it says nothing about a run that goes on (it is an earlier generation's).
    """

    job_id: str
    stall_seconds: float = 60.0
    seen: Progress | None = None
    _since: datetime | None = None
    _said: tuple[object, ...] = ()
    _said_at: datetime | None = None
    _problem: str = ""
    _stalled: bool = field(default=False)

    def observe(self, progress: Progress | None, now: datetime) -> list[str]:
        """Return the log lines that this look is worth; ``None`` means that there is no heartbeat yet."""
        self._problem = ""
        if progress is None:
            return self._once(("not started",), now, f"job={self.job_id} phase=not_started eta=unknown")
        self.seen = progress
        if self._is_stale(progress, now):
            return self._stall(progress, now)
        self._stalled = False
        step = (progress.generation, progress.phase, int(progress.percent), progress.replicas, progress.message)
        return self._once(step, now, _line(progress))

    def unreadable(self, problem: str) -> list[str]:
        """Return a line for a heartbeat that cannot be read, once for each new problem."""
        if problem == self._problem:
            return []
        self._problem = problem
        return [f"job={self.job_id} progress cannot be read, going on: {problem}"]

    def doubts(self, now: datetime) -> bool:
        """Whether the heartbeat leaves open if the run task still lives, so that Airflow has to be asked.

        A healthy job never costs that question, whose first one makes a triggerer import Airflow's whole API.
        """
        self._since = self._since or now
        if self.seen is None:
            return (now - self._since).total_seconds() >= PATIENCE_SECONDS
        ended_badly = self.seen.phase.is_terminal and self.seen.phase is not Phase.DONE
        return ended_badly or self._is_stale(self.seen, now)

    def end(self, run_state: str | None, now: datetime) -> WatchReason | None:
        """Return why to stop, None to go on. A failed generation goes on until the run task has no retry left."""
        if is_ended(run_state):
            return WatchReason.RUN_ENDED
        done = self.seen is not None and self.seen.phase is Phase.DONE and not self._is_stale(self.seen, now)
        return WatchReason.PHASE_DONE if done else None

    def _is_stale(self, progress: Progress, now: datetime) -> bool:
        return (now - progress.written_at).total_seconds() > self.stall_seconds

    def _stall(self, progress: Progress, now: datetime) -> list[str]:
        age = (now - progress.written_at).total_seconds()
        if progress.phase.is_terminal:
            return self._once(("waiting", progress.generation), now, f"{_line(progress)} (waiting for the run task)")
        again = self._said_at is None or (now - self._said_at).total_seconds() >= QUIET_SECONDS
        if self._stalled and not again:
            return []
        self._stalled, self._said_at = True, now
        last = progress.model_copy(update={"eta": None})
        return [f"{_line(last)} stalled: the last heartbeat is {age:.0f}s old"]

    def _once(self, step: tuple[object, ...], now: datetime, line: str) -> list[str]:
        quiet = self._said_at is not None and (now - self._said_at).total_seconds() < QUIET_SECONDS
        if step == self._said and (quiet or step[0] in {"not started", "waiting"}):
            return []
        self._said, self._said_at = step, now
        return [line]


def _line(progress: Progress) -> str:
    return f"{progress.line()} message={progress.message!r}" if progress.message else progress.line()
