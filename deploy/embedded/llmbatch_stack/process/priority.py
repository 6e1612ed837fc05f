"""Scheduling priority: an engine takes the cores it needs, and the rest of the stack works in its gaps.

A nice value alone is not enough. Where Linux groups processes by session (`/proc/sys/kernel/sched_autogroup_enabled`
is 1, the default of Debian and Ubuntu), it counts only against processes of the same session, and every component has
a session of its own. So the session gets a value as well. An engine opens a session of its own when it starts
(`llmbatch.cluster.replica.guard`) and does not inherit that of Ray.

How much a session should yield depends on what it does. With the value 19, a request to Airflow beside a busy engine,
or beside any other work of the machine, takes tens of seconds: each of its many steps waits for its turn. So sessions
that answer requests have 5, and 19 is only for background work, while it has next to nothing to do (ADR 10). How much
it has to do does not show in its CPU time alone: beside two busy loops, one on each core, a session with 19 gets less
than 0.01 of a core. So one that waits for a core nearly all of the time has work to do, too.
"""

import errno
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from llmbatch_stack.process.table import SessionUse

YIELDING = 10
"""Nice value of the processes of every component that holds no engine."""

WORKING, IDLE = 5, 19
"""Nice values of sessions: a weight of 335 and of 15, where an engine has 1024."""

WORKS_FROM = 0.02
"""Part of one core above which background work counts as work. An idle scheduler uses 0.009; with the value 19, a
session that has work to do gets 0.03 beside a busy engine."""

WAITS_FROM = 0.9
"""Part of the time in which background work waits for a core, summed over threads, above which it counts as work. With
the value 19, a burst of 30 ms took 2.5 s beside two busy loops; by its weight it takes 1 s beside a busy engine."""

_PROC = Path("/proc")
_TRIES = 5
_PAUSE_SECONDS = 0.1


class SessionPriorities:
    """Follows the CPU time of sessions and gives each its nice value. For one thread."""

    def __init__(self, proc: Path = _PROC) -> None:
        self._proc = proc
        self._ticks_per_second = os.sysconf("SC_CLK_TCK")
        self._seen: Mapping[int, SessionUse] = {}
        self._at = 0.0
        self._given: dict[int, int] = {}

    def adjust(self, serving: Sequence[SessionUse], background: Sequence[SessionUse], now: float) -> None:
        """Take what sessions have used until `now`, in monotonic seconds.

        Args:
            serving: sessions that answer requests.
            background: sessions that do not; one seen for the first time counts as working.
            now: when they were looked at.
        """
        wanted = dict.fromkeys((one.leader for one in serving), WORKING)
        wanted |= {one.leader: WORKING if self._works(one, now - self._at) else IDLE for one in background}
        self._given = {
            leader: value
            for leader, value in wanted.items()
            if self._given.get(leader) == value or self._give(leader, value)
        }
        self._seen, self._at = {one.leader: one for one in background}, now

    def _works(self, one: SessionUse, seconds: float) -> bool:
        """Return whether a session had work to do in the last ``seconds``; one seen for the first time had."""
        before = self._seen.get(one.leader)
        if before is None:
            return True
        used = (one.ticks - before.ticks) / self._ticks_per_second
        return used >= WORKS_FROM * seconds or one.waited_s - before.waited_s >= WAITS_FROM * seconds

    def _give(self, leader: int, niceness: int) -> bool:
        """Return whether the system took the value: the file does not exist without grouping, or the session is gone.

        Without root it takes ten such requests a second from all users together.
        """
        for _ in range(_TRIES):
            try:
                (self._proc / str(leader) / "autogroup").write_text(str(niceness))
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    return False
                time.sleep(_PAUSE_SECONDS)
            else:
                return True
        return False
