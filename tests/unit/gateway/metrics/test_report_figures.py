from __future__ import annotations

import threading
import time
from collections.abc import Callable

from fakes.gateway import BASE
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import StoreError
from llmbatch.core.store import MemoryStore
from llmbatch.gateway.metrics.report_figures import REPORT_SECONDS, ReportFigures
from llmbatch.orchestrator.sla_report.figures import Figures
from llmbatch.orchestrator.sla_report.report import figures


def until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Reports:
    """Makes reports, as slowly as the test wants."""

    def __init__(self) -> None:
        self.clock, self.gate, self.made = ManualClock(), threading.Event(), 0
        self.error: Exception | None = None
        self.failures: list[Exception] = []
        self.ends = 0
        self.shared = ReportFigures(self.read, self.failures.append, self.end, self.clock)

    def end(self) -> None:
        self.ends += 1

    def read(self) -> Figures:
        assert self.gate.wait(20)
        self.made += 1
        if self.error is not None:
            raise self.error
        return figures(BASE, MemoryStore(), self.clock)


def test_a_report_is_made_beside_its_readers_and_again_after_five_minutes() -> None:
    reports = Reports()
    assert [reports.shared.latest(), reports.shared.latest()] == [None, None]
    reports.gate.set()
    until(lambda: reports.shared.latest() is not None)
    first = reports.shared.latest()
    reports.clock.advance(REPORT_SECONDS - 1)
    assert (reports.shared.latest(), reports.made) == (first, 1)
    reports.clock.advance(1)
    assert reports.shared.latest() is first
    until(lambda: reports.shared.latest() is not first)
    until(lambda: reports.ends == 2)
    assert reports.made == 2


def test_a_report_that_takes_longer_is_not_begun_twice() -> None:
    reports = Reports()
    reports.shared.latest()
    reports.clock.advance(REPORT_SECONDS)
    reports.shared.latest()
    reports.gate.set()
    until(lambda: reports.shared.latest() is not None)
    until(lambda: reports.made == 2)  # begun once the first one had ended
    assert reports.failures == []


def test_a_report_that_fails_leaves_the_last_one() -> None:
    reports = Reports()
    reports.gate.set()
    reports.shared.latest()
    until(lambda: reports.shared.latest() is not None)
    last, reports.error = reports.shared.latest(), StoreError("down")
    reports.clock.advance(REPORT_SECONDS)
    reports.shared.latest()
    until(lambda: reports.ends == 2)
    assert reports.failures == [reports.error]
    assert reports.shared.latest() is last
