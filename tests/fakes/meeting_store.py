"""A store in memory where requests must meet: what is done one by one fails."""

from __future__ import annotations

import threading
from typing import IO

from llmbatch.core.store import MemoryStore, ObjectInfo

PATIENCE_SECONDS = 20


class MeetingStore(MemoryStore):
    """The first ``parties`` writes (or opened streams) of addresses with ``mark`` in them wait for each other."""

    def __init__(self, mark: str, parties: int) -> None:
        super().__init__()
        self._mark, self._left = mark, parties
        self._barrier = threading.Barrier(parties, timeout=PATIENCE_SECONDS)
        self._lock = threading.Lock()

    def put(self, uri: str, body: bytes) -> ObjectInfo:
        """Write once the others are there."""
        self._meet(uri)
        return super().put(uri, body)

    def open_stream(self, uri: str, etag: str) -> IO[bytes]:
        """Open once the others are there."""
        self._meet(uri)
        return super().open_stream(uri, etag)

    def _meet(self, uri: str) -> None:
        if self._mark not in uri:
            return
        with self._lock:
            self._left -= 1
            waits = self._left >= 0
        if waits:
            self._barrier.wait()
