"""Which cached models are in use on this node, and when each was used last.

A process that uses a model holds a shared lock on a file beside its folder until it ends; the kernel releases the lock
however it ends. Only who gets the exclusive lock may remove the folder.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_held: dict[Path, IO[str]] = {}


def hold(folder: Path) -> None:
    """Keep the folder until this process ends, and note the use. Waits while another process removes it."""
    path = _lease_of(folder)
    if path not in _held:
        file = path.open("a")
        fcntl.flock(file, fcntl.LOCK_SH)
        _held[path] = file
    os.utime(path)


def last_use(folder: Path) -> float:
    """Return when the folder was used last, in seconds since the epoch; 0 if it never was."""
    path = _lease_of(folder)
    return path.stat().st_mtime if path.exists() else 0.0


@contextmanager
def unused(folder: Path) -> Iterator[bool]:
    """Yield whether no process uses the folder; if so, none begins to until the block ends."""
    path = _lease_of(folder)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _lease_of(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.lease")
