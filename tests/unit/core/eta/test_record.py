"""Which estimates of a job are kept, and how accurate they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from llmbatch.core.eta.estimate import Estimate
from llmbatch.core.eta.record import EstimateLog, covers, relative_error
from llmbatch.core.eta.spread import KNOTS
from llmbatch.core.eta.trace import TracePoint
from llmbatch.core.progress import EtaSeconds, EtaState

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)


def test_log_keeps_the_first_estimate_of_each_place() -> None:
    log = EstimateLog()
    for at, done in ((0.0, 0.0), (10.0, 0.02), (25.0, 0.26), (30.0, 0.3), (50.0, 0.5)):
        eta = EtaSeconds(p10=60, p50=80, p90=90)
        log.note(Estimate(EtaState.ESTIMATED, at, "", done, eta, 80.0), done)
    log.note(Estimate(EtaState.STALLED, 60.0, "silent"), 0.9)
    ratios = log.log_ratios(100.0)
    assert [ratio is not None for ratio in ratios] == [True, False, False, True, True, False, False, False]
    marks = log.marks(100.0)
    assert [mark.progress for mark in marks] == [0.25, 0.5]
    assert marks[0].error == pytest.approx(80 / 75 - 1)
    assert marks[0].covered
    assert not marks[1].covered


def test_a_trace_is_read_as_the_estimates_were() -> None:
    live, read = EstimateLog(), EstimateLog()
    for at, done in ((0.0, 0.01), (10.0, 0.02), (25.0, 0.26), (50.0, 0.5), (99.0, 1.0)):
        seconds = (60.0, 80.0, 90.0)
        eta = EtaSeconds(p10=seconds[0], p50=seconds[1], p90=seconds[2])
        live.note(Estimate(EtaState.ESTIMATED, BEGIN.timestamp() + at, "", done, eta, 80.0), done)
        read.note_point(
            TracePoint(at=BEGIN + timedelta(seconds=at), rows=done, work=done, seconds=seconds, predicted=80.0)
        )
    read.note_point(TracePoint(at=BEGIN + timedelta(seconds=95), rows=0.9))
    end = BEGIN.timestamp() + 100
    assert read.marks(end) == live.marks(end)
    assert read.log_ratios(end) == live.log_ratios(end)
    assert len(read.marks(end)) == 3


def test_marks_go_by_rows_and_knots_by_work() -> None:
    log = EstimateLog()
    seconds = (60.0, 80.0, 90.0)
    log.note_point(TracePoint(at=BEGIN, rows=0.5, work=0.1, seconds=seconds, predicted=80.0))
    end = BEGIN.timestamp() + 100
    assert [mark.progress for mark in log.marks(end)] == [0.5]
    assert [n for n, ratio in enumerate(log.log_ratios(end)) if ratio is not None] == [KNOTS.index(0.1)]


@pytest.mark.parametrize(
    ("predicted", "actual", "error"), [(90, 100, -0.1), (1.0, 0.05, 0.0), (30, 0.05, 14.0), (0.0, 4.0, -0.5)]
)
def test_what_heartbeats_cannot_show_is_no_error(predicted: float, actual: float, error: float) -> None:
    assert relative_error(predicted, actual) == pytest.approx(error)
    assert covers(predicted, predicted + 0.1, actual) == (error == 0.0)


def test_the_last_moments_of_a_job_do_not_shift_its_intervals() -> None:
    log = EstimateLog()
    log.note(Estimate(EtaState.ESTIMATED, 99.9, "", 0.98, EtaSeconds(p10=0.8, p50=1.0, p90=1.3), 1.0), 1.0)
    assert log.log_ratios(100.0)[-1] == 0.0
    assert [(mark.error, mark.covered) for mark in log.marks(100.0)] == [(0.0, True)]
