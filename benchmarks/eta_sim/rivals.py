"""What others show: estimates from rows and time alone. Each takes every heartbeat and answers in seconds or None."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from llmbatch.core.progress import Progress


class Rival(Protocol):
    """A way to estimate."""

    def observe(self, at: float, beat: Progress) -> float | None:
        """Take a heartbeat at ``at`` seconds; return the seconds left, or None."""


class RowsOverElapsed:
    """Rows ended over the time since the job started, cold start included."""

    def __init__(self) -> None:
        self._start: float | None = None

    def observe(self, at: float, beat: Progress) -> float | None:
        """See ``Rival``."""
        self._start = at if self._start is None else self._start
        ended = beat.rows.ended
        return (beat.rows.total - ended) * (at - self._start) / ended if ended else None


class RowsSinceFirst:
    """The same with a clock that starts when the first row enters an engine."""

    def __init__(self) -> None:
        self._start: float | None = None

    def observe(self, at: float, beat: Progress) -> float | None:
        """See ``Rival``."""
        if self._start is None and beat.rows.running:
            self._start = at
        ended = beat.rows.ended
        return (beat.rows.total - ended) * (at - self._start) / ended if ended and self._start is not None else None


class WindowedRows:
    """Rows of the last five minutes."""

    def __init__(self, seconds: float = 300.0) -> None:
        self._seconds = seconds
        self._seen: deque[tuple[float, int]] = deque()

    def observe(self, at: float, beat: Progress) -> float | None:
        """See ``Rival``."""
        if not beat.rows.ended and not beat.rows.running:
            return None
        self._seen.append((at, beat.rows.ended))
        while self._seen[0][0] < at - self._seconds:
            self._seen.popleft()
        gained = beat.rows.ended - self._seen[0][1]
        return (beat.rows.total - beat.rows.ended) * (at - self._seen[0][0]) / gained if gained > 0 else None


class Tqdm:
    """tqdm's smoothing of rows per update: 0.3 on the last one, with its correction for a young average."""

    def __init__(self, smoothing: float = 0.3) -> None:
        self._alpha = smoothing
        self._rows = self._time = 0.0
        self._last: tuple[float, int] | None = None

    def observe(self, at: float, beat: Progress) -> float | None:
        """See ``Rival``."""
        if self._last is not None and beat.rows.ended > self._last[1]:
            beta = 1 - self._alpha
            self._rows = self._alpha * (beat.rows.ended - self._last[1]) + beta * self._rows
            self._time = self._alpha * (at - self._last[0]) + beta * self._time
            self._last = (at, beat.rows.ended)
        elif self._last is None or beat.rows.ended < self._last[1]:
            self._last = (at, beat.rows.ended)
        return (beat.rows.total - beat.rows.ended) * self._time / self._rows if self._rows else None


RIVALS: dict[str, type[RowsOverElapsed | RowsSinceFirst | WindowedRows | Tqdm]] = {
    "rows_over_elapsed": RowsOverElapsed,
    "rows_since_first": RowsSinceFirst,
    "windowed_rows": WindowedRows,
    "tqdm_ewma": Tqdm,
}
