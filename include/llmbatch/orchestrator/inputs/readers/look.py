"""How much of an input may be read before a job is accepted: a few kilobytes can unpack to gigabytes of blank lines."""

from __future__ import annotations

from collections.abc import Iterator

from llmbatch.core.clock import Clock, SystemClock
from llmbatch.core.errors import RequestError
from llmbatch.orchestrator.inputs.readers.lines import Line

LOOK_BYTES = 64 * 2**20
"""Most unpacked bytes."""
LOOK_LINES = 500_000
"""Most lines, blank ones too."""
LOOK_SECONDS = 30
"""Most time."""

_LINES_BETWEEN = 1000
"""Lines after which the time is read."""


class Look:
    """One look at one or several objects: counts what is read of all of them together. ``is_over``: at a limit."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._bytes = self._lines = 0
        self._until = self._clock.monotonic() + LOOK_SECONDS
        self.is_over = False

    def lines(self, lines: Iterator[Line], uri: str) -> Iterator[Line]:
        """Yield the lines of an object.

        Raises:
            RequestError: naming the object and the limit that is reached.
        """
        for line in lines:
            self._lines += 1
            self._bytes += len(line.raw) + 1
            if self._bytes > LOOK_BYTES:
                raise self._over(uri, f"{LOOK_BYTES // 2**20} MiB of it unpacked")
            if self._lines > LOOK_LINES:
                raise self._over(uri, f"{LOOK_LINES} lines")
            if self._lines % _LINES_BETWEEN == 1:
                self.check_time(uri)
            yield line

    def check_time(self, uri: str) -> None:
        """Raise ``RequestError`` if the time is over."""
        if self._clock.monotonic() > self._until:
            raise self._over(uri, f"{LOOK_SECONDS} seconds")

    def _over(self, uri: str, limit: str) -> RequestError:
        self.is_over = True
        return RequestError(
            "input_uri",
            f"the look at {uri} ended after {limit}, the limit before a job is accepted",
            "Remove blank lines and unreadable data before the first rows.",
        )
