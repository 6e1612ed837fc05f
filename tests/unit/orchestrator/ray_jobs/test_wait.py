from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from fakes.ray import FakeRay
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import RayJobError
from llmbatch.orchestrator.ray_jobs import wait as waits
from llmbatch.orchestrator.ray_jobs.event import RayJobEvent, RayJobReason
from llmbatch.orchestrator.ray_jobs.polling import Polling
from llmbatch.orchestrator.ray_jobs.status import RayJobStatus
from llmbatch.orchestrator.ray_jobs.wait import STOP_SECONDS, wait_until_over, wait_until_stopped


class Wait:
    """A running job, and what happens to it while the process sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ray, self.clock = FakeRay(), ManualClock()
        self.ray.put("job-g1", "RUNNING")
        self.meanwhile: list[Callable[[], object]] = []
        monkeypatch.setattr(waits.time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        if self.meanwhile:
            self.meanwhile.pop(0)()

    def fail(self) -> None:
        self.ray.broken.append(httpx.ConnectError("refused"))

    def until_over(self, polling: Polling) -> RayJobEvent:
        with self.ray.sync_client() as jobs:
            return wait_until_over(jobs, "job-g1", polling, 3, self.clock)

    def until_stopped(self) -> bool:
        with self.ray.sync_client() as jobs:
            return wait_until_stopped(jobs, "job-g1", self.clock)


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Wait:
    return Wait(monkeypatch)


def test_failed_polls_within_the_limit_do_not_end_the_wait(wait: Wait) -> None:
    wait.meanwhile = [wait.fail, wait.fail, lambda: wait.ray.put("job-g1", "FAILED", 22, "went wrong")]
    event = wait.until_over(Polling(2))
    assert (event.reason, event.status, event.driver_exit_code) == (RayJobReason.OVER, RayJobStatus.FAILED, 22)
    assert event.message == "went wrong"
    assert wait.clock.monotonic() == 9


def test_too_many_failed_polls_end_the_wait_with_the_last_failure(wait: Wait) -> None:
    wait.meanwhile = [wait.fail] * 3
    event = wait.until_over(Polling(2))
    assert (event.reason, event.status) == (RayJobReason.UNREACHABLE, None)
    assert "refused" in event.message


def test_a_wait_times_out(wait: Wait) -> None:
    assert wait.until_over(Polling(2, timeout_at=10)).reason is RayJobReason.TIMEOUT
    assert wait.clock.monotonic() == 12


def test_a_stopped_job_is_waited_for(wait: Wait) -> None:
    wait.meanwhile = [lambda: None, lambda: wait.ray.put("job-g1", "STOPPED")]
    assert wait.until_stopped()
    assert wait.clock.monotonic() == 1


def test_a_job_that_does_not_stop_is_waited_for_a_limited_time(wait: Wait) -> None:
    assert not wait.until_stopped()
    assert wait.clock.monotonic() == STOP_SECONDS


def test_a_ray_that_does_not_answer_ends_the_wait_for_a_stop(wait: Wait) -> None:
    wait.fail()
    with pytest.raises(RayJobError, match="refused"):
        wait.until_stopped()
