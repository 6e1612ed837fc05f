from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fakes.clocks import AdjustableClock
from llmbatch.orchestrator.ray_jobs.event import RayJobReason
from llmbatch.orchestrator.ray_jobs.polling import Polling
from llmbatch.orchestrator.ray_jobs.status import RayJobStatus

ACTIVE = [status for status in RayJobStatus if status.is_active]
OVER = [status for status in RayJobStatus if status.is_over]


@pytest.mark.parametrize("status", ACTIVE)
def test_an_active_job_is_polled_again_until_its_time_is_up(status: RayJobStatus) -> None:
    polling = Polling(3, timeout_at=10.0)
    assert polling.answered(status, 9.9) is None
    assert polling.answered(status, 10.0) is RayJobReason.TIMEOUT


@pytest.mark.parametrize("status", OVER)
def test_a_job_that_is_over_is_over_even_after_its_time(status: RayJobStatus) -> None:
    assert Polling(3, timeout_at=10.0).answered(status, 11.0) is RayJobReason.OVER


def test_without_a_limit_no_wait_times_out() -> None:
    assert Polling(3).answered(RayJobStatus.RUNNING, 1e12) is None
    assert Polling(3).failed(1e12) is None


def test_only_failures_in_a_row_count() -> None:
    polling = Polling(2)
    assert [polling.failed(0), polling.failed(0)] == [None, None]
    assert polling.answered(RayJobStatus.RUNNING, 0) is None
    assert [polling.failed(0), polling.failed(0), polling.failed(0)] == [None, None, RayJobReason.UNREACHABLE]


def test_no_tolerance_ends_the_wait_at_the_first_failure() -> None:
    assert Polling(0).failed(0) is RayJobReason.UNREACHABLE


def test_a_silent_ray_does_not_extend_the_time() -> None:
    polling = Polling(1, timeout_at=10.0)
    assert polling.failed(10.0) is RayJobReason.TIMEOUT
    assert polling.failed(10.0) is RayJobReason.UNREACHABLE


def test_a_correction_of_the_wall_clock_changes_no_timeout() -> None:
    clock = AdjustableClock(datetime.fromtimestamp(1_000, UTC))
    clock.advance(5)
    polling = Polling.until(1_065.0, 3, clock)
    clock.set_back(-9_000)
    assert polling.answered(RayJobStatus.RUNNING, clock.monotonic() + 59) is None
    assert polling.answered(RayJobStatus.RUNNING, clock.monotonic() + 60) is RayJobReason.TIMEOUT
    assert Polling.until(None, 3, clock).timeout_at is None


def test_only_a_job_that_has_not_started_must_start_by_a_time() -> None:
    polling = Polling(3, start_by=10.0)
    assert polling.answered(RayJobStatus.PENDING, 9.9) is None
    assert polling.failed(10.0) is None, "the status is not known"
    assert polling.answered(RayJobStatus.RUNNING, 10.0) is None
    assert polling.answered(RayJobStatus.PENDING, 10.0) is RayJobReason.PENDING
    assert polling.answered(RayJobStatus.SUCCEEDED, 10.0) is RayJobReason.OVER


def test_the_time_to_start_crosses_processes() -> None:
    clock = AdjustableClock(datetime.fromtimestamp(1_000, UTC))
    clock.advance(5)
    polling = Polling.until(None, 3, clock, pending_until=1_065.0)
    assert polling.answered(RayJobStatus.PENDING, clock.monotonic() + 59) is None
    assert polling.answered(RayJobStatus.PENDING, clock.monotonic() + 60) is RayJobReason.PENDING
