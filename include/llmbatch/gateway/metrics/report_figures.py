"""The figures of the SLA report, which is made beside scrapes and never in one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from llmbatch.core.clock import Clock
from llmbatch.orchestrator.sla_report.figures import Figures

REPORT_SECONDS = 300.0
"""Time after which the report is made again; it costs some requests for each of its jobs."""


class ReportFigures:
    """Keeps the last report, and has a new one made in a thread of its own.

    Args:
        read: makes the report; it blocks.
        failed: called in that thread with the error of a report that could not be made.
        ended: called in that thread when a report was made or has failed.
        clock: for the age of reports.
    """

    def __init__(
        self,
        read: Callable[[], Figures],
        failed: Callable[[Exception], None],
        ended: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._read, self._failed, self._ended, self._clock = read, failed, ended, clock
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="metrics-report")
        self._lock = threading.Lock()
        self._begun: float | None = None
        self._is_reading = False
        self._figures: Figures | None = None

    def latest(self) -> Figures | None:
        """Return the last report, None before the first. If it is old, begin a new one. Does not block."""
        now = self._clock.monotonic()
        with self._lock:
            is_due = self._begun is None or now - self._begun >= REPORT_SECONDS
            if is_due and not self._is_reading:
                self._begun, self._is_reading = now, True
                self._pool.submit(self._make)
            return self._figures

    def _make(self) -> None:
        figures = None
        try:
            figures = self._read()
        except Exception as error:  # a thread has no caller that could see it
            self._failed(error)
        with self._lock:
            self._figures, self._is_reading = figures or self._figures, False
        self._ended()
