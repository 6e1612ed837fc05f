"""Processes seen through /proc: who one really is, and which ones belong to a stack.

A pid alone does not identify a process, because the kernel uses it again. A pid together with its start time (clock
ticks since boot) names one process for ever.
"""

import os
import select
import signal
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MARKER = "LLMBATCH_STACK"
_PROC = Path("/proc")
_PF_EXITING = 0x4
"""Of the flags in /proc/<pid>/stat; from include/linux/sched.h."""


@dataclass(frozen=True)
class ProcessIdentity:
    """One process, distinct from a later one with the same pid."""

    pid: int
    start_ticks: int

    def is_alive(self) -> bool:
        """Return whether this very process still runs; a zombie does not."""
        stat = _stat(self.pid)
        return stat is not None and stat.start_ticks == self.start_ticks and not stat.is_dead

    def send(self, signum: int) -> None:
        """Send a signal, unless the process is gone."""
        try:
            fd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            # the descriptor now pins whoever has the pid, so the check below cannot be overtaken
            if self.is_alive():
                signal.pidfd_send_signal(fd, signum)
        except (ProcessLookupError, PermissionError):
            pass
        finally:
            os.close(fd)

    def wait(self, timeout_s: float) -> bool:
        """Wait until the process has ended; return False when it outlived `timeout_s`."""
        try:
            fd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            if not self.is_alive():
                return True
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            return bool(poll.poll(timeout_s * 1000))
        finally:
            os.close(fd)


@dataclass(frozen=True)
class _Stat:
    state: str
    parent: int
    session: int
    start_ticks: int
    ticks: int
    flags: int

    @property
    def is_dead(self) -> bool:
        """Whether nothing is left of the process but its exit code."""
        return self.state in "ZX"


def _stat(pid: int) -> _Stat | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except (OSError, UnicodeDecodeError):
        return None
    # the name may hold blanks and brackets; everything after the last bracket is regular
    rest = text[text.rindex(")") + 2 :].split()
    return _Stat(
        state=rest[0],
        parent=int(rest[1]),
        session=int(rest[3]),
        start_ticks=int(rest[19]),
        ticks=sum(int(field) for field in rest[11:15]),
        flags=int(rest[6]),
    )


def is_ending(pid: int) -> bool:
    """Return whether the process is on its way out, or gone.

    The kernel first frees the memory of a killed process, then closes its files. Until then it shows no environment,
    no state of a dead process, and all its sockets.
    """
    stat = _stat(pid)
    return stat is None or stat.is_dead or bool(stat.flags & _PF_EXITING)


def identify(pid: int) -> ProcessIdentity | None:
    """Return the identity of the process that has `pid` now."""
    stat = _stat(pid)
    return None if stat is None else ProcessIdentity(pid, stat.start_ticks)


def has_marker(pid: int, value: str) -> bool:
    """Return whether the process was started with LLMBATCH_STACK=`value` in its environment."""
    try:
        environ = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return f"{MARKER}={value}".encode() in environ.split(b"\0")


def session_of(leader: int) -> set[ProcessIdentity]:
    """Return the live processes of the session that `leader` opened (its group, its children, theirs)."""
    return {ProcessIdentity(pid, stat.start_ticks) for pid, stat in _table().items() if stat.session == leader}


@dataclass(frozen=True)
class SessionUse:
    """CPU time that the processes of one session have used so far, ended children included, in clock ticks.

    `waited_s` is how many seconds its live threads have waited for a core while they could have run.
    """

    leader: int
    ticks: int
    waited_s: float = 0.0


def session_use(leaders: Mapping[int, bool], waiting: Collection[int] = ()) -> dict[int, list[SessionUse]]:
    """Return by leader the session that it opened and, if its value is True, the sessions of its descendants.

    `waited_s` is read for the leaders in `waiting` only, since each thread has a file of its own for it.
    """
    table = _table()
    used: dict[int, int] = {}
    pids: dict[int, list[int]] = {}
    for pid, stat in table.items():
        used[stat.session] = used.get(stat.session, 0) + stat.ticks
        pids.setdefault(stat.session, []).append(pid)
    found = {}
    for leader, with_descendants in leaders.items():
        sessions = {leader}
        if with_descendants:
            sessions |= {table[pid].session for pid in _with_descendants({leader} & table.keys(), table)}
        found[leader] = [
            SessionUse(session, used.get(session, 0), _waited_s(pids.get(session, ())) if leader in waiting else 0.0)
            for session in sorted(sessions)
        ]
    return found


def _waited_s(pids: Iterable[int]) -> float:
    """Return how long the live threads of these processes have waited for a core; 0 if the kernel does not count it."""
    waited = 0
    for pid in pids:
        with suppress(OSError):
            for thread in (_PROC / str(pid) / "task").iterdir():
                with suppress(OSError):
                    waited += int((thread / "schedstat").read_text().split()[1])
    return waited / 1e9


def members(marker: str, recorded: Iterable[ProcessIdentity]) -> set[ProcessIdentity]:
    """Return every live process of a stack, except the caller and its ancestors.

    A process belongs to it when it carries the marker, when it is in the session of a recorded process that is still
    the same process, or when it descends from one of these. The marker finds orphans; sessions and descent find those
    that overwrote their environment with a title, as Postgres does.
    """
    table = _table()
    leaders = {one.pid for one in recorded if one.pid in table and table[one.pid].start_ticks == one.start_ticks}
    ours = {pid for pid, stat in table.items() if stat.session in leaders or pid in leaders or has_marker(pid, marker)}
    found = _with_descendants(ours, table)
    return {ProcessIdentity(pid, table[pid].start_ticks) for pid in found - _ancestry(table)}


def end(processes: Iterable[ProcessIdentity], *, grace_s: float, signum: int = signal.SIGTERM) -> None:
    """Send SIGTERM to processes, wait up to `grace_s` seconds for all of them together, then kill the rest."""
    left = set(processes)
    for one in left:
        one.send(signum)
    deadline = time.monotonic() + grace_s
    left = {one for one in left if not one.wait(max(0.0, deadline - time.monotonic()))}
    for one in left:
        one.send(signal.SIGKILL)
    for one in left:
        one.wait(5.0)


def _table() -> dict[int, _Stat]:
    found = {}
    with suppress(OSError):
        for folder in _PROC.iterdir():
            if folder.name.isdigit() and (stat := _stat(int(folder.name))) is not None and not stat.is_dead:
                found[int(folder.name)] = stat
    return found


def _with_descendants(pids: set[int], table: dict[int, _Stat]) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid, stat in table.items():
        children.setdefault(stat.parent, []).append(pid)
    found, todo = set(pids), list(pids)
    while todo:
        for child in children.get(todo.pop(), []):
            if child not in found:
                found.add(child)
                todo.append(child)
    return found


def _ancestry(table: dict[int, _Stat]) -> set[int]:
    pid, found = os.getpid(), set()
    while pid > 0 and pid not in found:
        found.add(pid)
        stat = table.get(pid)
        pid = stat.parent if stat else 0
    return found
