"""How many uploads a process receives at a time: each takes room on its disk and a thread for the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from llmbatch.gateway.wire.failures import Failure

RETRY_SECONDS = 5


class UploadSlots:
    """Counts the uploads that run. Used by one event loop.

    Args:
        most: uploads of all users at a time.
        most_each: of one user, so that one with slow connections does not keep out the others.
    """

    def __init__(self, most: int = 8, most_each: int = 4) -> None:
        self._most, self._most_each = most, most_each
        self._running: Counter[str] = Counter()

    @contextmanager
    def held(self, user: str) -> Iterator[None]:
        """Hold a slot. Raises ``Failure`` 429 for a user with too many uploads, 503 if all slots are held."""
        if self._running[user] >= self._most_each:
            raise Failure(
                429,
                f"{self._most_each} uploads of yours are running. Wait for one of them to end.",
                type="rate_limit_error",
                code="rate_limit_exceeded",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        if self._running.total() >= self._most:
            raise Failure(
                503,
                "The server receives as many uploads as it can. Try again later.",
                type="server_error",
                code="server_busy",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        self._running[user] += 1
        try:
            yield
        finally:
            self._running[user] -= 1
            if not self._running[user]:
                del self._running[user]
