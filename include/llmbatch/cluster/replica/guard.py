"""No process of an engine outlives its replica, however the replica ends.

vLLM's EngineCore and workers are children and grandchildren of the actor. When the actor is killed they stay behind and
hold the GPU's memory. So the actor becomes leader of a session and of its process group, which its children inherit,
and a tiny watcher outside the group waits for the actor's end (a pidfd, and a pipe's end where the kernel has none) and
kills the group. A parent-death signal is not enough: it is tied to the parent's *thread* and is not inherited by
grandchildren.

The same watcher kills an actor that hangs: its event loop writes to the pipe every second, and a loop that no longer
runs cannot end a row, nor report, nor apply an order. Ray then starts the actor again.

A session and not only a group, because Linux may share out the cores by session (``sched_autogroup``): the engine then
has a share of its own, and Ray's servers, which are in another session, can be given a smaller one.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass

# Runs as ``python -I -S -c``: no site packages, ready in some 20 ms. It forks once more, so that it is not a
# child that Ray could reap together with the actor.
_WATCHER = """
import os, select, signal, sys
group, patience = int(sys.argv[1]), int(sys.argv[2])
if os.fork():
    os._exit(0)
watched = [0]
try:
    watched.append(os.pidfd_open(group))
except (AttributeError, OSError):
    pass
beats, silent = False, 0
while silent < patience:
    ready = select.select(watched, [], [], 1)[0]
    if watched[1:] and watched[1] in ready or ready and not os.read(0, 4096):
        break
    # Looks are counted, not seconds: a machine that was suspended makes one look of an hour.
    silent = 0 if ready else silent + beats
    beats = beats or bool(ready)
try:
    os.killpg(group, signal.SIGKILL)
except ProcessLookupError:
    pass
"""


@dataclass(frozen=True)
class ChildGuard:
    """A running guard. Dropping the pipe's end, by ``release`` or by dying, kills the group."""

    group: int
    pipe: int

    def beat(self) -> None:
        """Show that the event loop runs. From the first call on, silence of the guard's patience kills the group."""
        # BlockingIOError: the watcher does not read now, and has enough to read. BrokenPipeError: it is gone.
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self.pipe, b".")

    def release(self) -> None:
        """Kill the group now, this process included."""
        os.close(self.pipe)


def guard_children(patience: int) -> ChildGuard:
    """Make this process lead a session and a group, and start its watcher. Call once, before any child is started.

    Args:
        patience: seconds without a beat, after the first one, that are a hang.

    Raises:
        OSError: the watcher cannot start.
    """
    _lead_a_session()
    reader, writer = os.pipe()  # neither end is inherited by processes that are spawned later
    os.set_blocking(writer, False)
    try:
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", _WATCHER, str(os.getpid()), str(patience)],
            stdin=reader,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            check=True,
            timeout=30,
        )
    finally:
        os.close(reader)
    return ChildGuard(os.getpid(), writer)


def _lead_a_session() -> None:
    """Open a session. Ray makes its workers leaders of a group, and such a process must leave its group first.

    The new session has a group of the same number, so Ray's own clean-up by group still finds it.
    """
    if os.getsid(0) == os.getpid():
        return
    if os.getpgrp() == os.getpid():
        os.setpgid(0, os.getpgid(os.getppid()))
    os.setsid()
