"""How much memory a replica has needed: the peak resident memory of its processes.

It is host memory. On a GPU the engine reserves ``gpu_memory_utilization`` of the device when it starts, whatever the
settings need, so a figure of the device would show the reservation; none is reported.
"""

from __future__ import annotations

import os
from pathlib import Path

from llmbatch.core.clock import Clock

LOOK_SECONDS = 5.0
"""Between two looks: each reads one small file for every process of the node."""


class PeakMemory:
    """Adds the kernel's own peak (``VmHWM``) of every process in a session, which a replica and its engine have alone.

    It is an upper bound: pages that processes share count in each of them, and the peaks may be of different moments.
    Processes that start and end between two looks are missing.

    Args:
        clock: for the time between two looks.
        session: the session; that of this process if not given.
        processes: where the kernel shows processes.
    """

    def __init__(self, clock: Clock, session: int | None = None, processes: Path = Path("/proc")) -> None:
        self._clock, self._processes = clock, processes
        self._session = os.getsid(0) if session is None else session
        self._peak: int | None = None
        self._next_look = clock.monotonic()

    def mb(self) -> int | None:
        """Return the highest sum that a look has found so far, in MiB; None if this system does not show it."""
        now = self._clock.monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            found = self._sum()
            if found:
                self._peak = max(found, self._peak or 0)
        return self._peak

    def _sum(self) -> int:
        try:
            folders = [entry for entry in self._processes.iterdir() if entry.name.isdigit()]
        except OSError:
            return 0
        return sum(self._peak_kib(folder) for folder in folders) // 1024

    def _peak_kib(self, folder: Path) -> int:
        """Return the peak of one process; 0 if it is of another session, or has ended."""
        try:
            fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[3]) != self._session:
                return 0
            lines = (folder / "status").read_text(errors="replace").splitlines()
        except (OSError, ValueError, IndexError):
            return 0
        return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
