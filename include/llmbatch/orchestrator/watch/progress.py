"""What to log about a job's heartbeats, and when to stop watching. No I/O: the trigger reads, this module decides."""

from __future__ import annotations

from dataclasses import dataclass, field

from llmbatch.core.clock import Clock
from llmbatch.core.progress import Progress
from llmbatch.core.staleness import STALLED_SECONDS
from llmbatch.core.states import Phase
from llmbatch.orchestrator.deployment.run_states import is_ended
from llmbatch.orchestrator.watch.event import WatchReason

QUIET_SECONDS = 60.0
"""A job that advances in small steps is logged once in this time, and at every full percent."""

PATIENCE_SECONDS = 30.0
"""Time that a job has until its first heartbeat before the state of its run task is read."""


@dataclass
class ProgressWatch:
    """The memory between two reads of ``progress.json``.

    A heartbeat older than ``stall_seconds`` is a stall: its numbers stay, its ETA is unknown, and a phase ``done`` in
    it is that of an earlier generation, not of the current run.
    """

    job_id: str
    clock: Clock
    stall_seconds: float = STALLED_SECONDS
    seen: Progress | None = None
    """The last heartbeat."""
    _since: float | None = None
    _logged: tuple[object, ...] = ()
    _logged_at: float | None = None
    _problem: str = ""
    _stalled: bool = field(default=False)

    def observe(self, progress: Progress | None) -> list[str]:
        """Return the lines to log; None means that there is no heartbeat yet."""
        self._problem = ""
        if progress is None:
            return self._once(("not started",), f"job={self.job_id} phase=not_started eta=unknown", repeats=False)
        self.seen = progress
        if self._is_stale(progress):
            return self._stall(progress)
        self._stalled = False
        step = (progress.generation, progress.phase, int(progress.percent), progress.replicas, progress.message)
        return self._once(step, _line(progress), repeats=True)

    def unreadable(self, problem: str) -> list[str]:
        """Return the line to log for a heartbeat that cannot be read, once for each new problem."""
        if problem == self._problem:
            return []
        self._problem = problem
        return [f"job={self.job_id} progress cannot be read, trying again: {problem}"]

    def needs_run_state(self) -> bool:
        """Whether the heartbeat does not show that the run task is alive, so that Airflow must be queried.

        A healthy job costs no query; the first one makes a triggerer import Airflow's whole API.
        """
        now = self.clock.monotonic()
        self._since = now if self._since is None else self._since
        if self.seen is None:
            return now - self._since >= PATIENCE_SECONDS
        return self.seen.phase.stopped_early or self._is_stale(self.seen)

    def end(self, run_state: str | None) -> WatchReason | None:
        """Return why to stop, None to continue. After a failed generation it continues until no retry is left."""
        if is_ended(run_state):
            return WatchReason.RUN_ENDED
        is_done = self.seen is not None and self.seen.phase is Phase.DONE and not self._is_stale(self.seen)
        return WatchReason.PHASE_DONE if is_done else None

    def _is_stale(self, progress: Progress) -> bool:
        return progress.age(self.clock.now()) > self.stall_seconds

    def _stall(self, progress: Progress) -> list[str]:
        if progress.phase.is_terminal:
            step = ("waiting", progress.generation)
            return self._once(step, f"{_line(progress)} (waiting for the run task)", repeats=False)
        if self._stalled and self._is_quiet():
            return []
        self._stalled, self._logged_at = True, self.clock.monotonic()
        age, last = progress.age(self.clock.now()), progress.model_copy(update={"eta": None})
        return [f"{_line(last)} stalled: the last heartbeat is {age:.0f}s old"]

    def _once(self, step: tuple[object, ...], line: str, *, repeats: bool) -> list[str]:
        """Return the line for a new step. If it ``repeats``, return it again after ``QUIET_SECONDS``."""
        if step == self._logged and (self._is_quiet() or not repeats):
            return []
        self._logged, self._logged_at = step, self.clock.monotonic()
        return [line]

    def _is_quiet(self) -> bool:
        return self._logged_at is not None and self.clock.monotonic() - self._logged_at < QUIET_SECONDS


def _line(progress: Progress) -> str:
    return f"{progress.line()} message={progress.message!r}" if progress.message else progress.line()
