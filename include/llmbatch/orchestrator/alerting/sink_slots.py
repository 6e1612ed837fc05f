"""At most one thread of a process in each sink, so that a sink that hangs holds one thread and not one a minute."""

from __future__ import annotations

import threading
from collections import defaultdict


class SinkSlots:
    """One slot for each sink, by name. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def take(self, name: str, wait_seconds: float) -> bool:
        """Take the slot of a sink; return whether it became free within ``wait_seconds``."""
        with self._lock:
            slot = self._slots[name]
        return slot.acquire(timeout=max(0.0, wait_seconds))

    def free(self, name: str) -> None:
        """Give the slot back, from any thread."""
        with self._lock:
            slot = self._slots[name]
        slot.release()


SLOTS = SinkSlots()
"""Those of this process."""
