"""How long a submission may wait and run, and what the error says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from fakes.ray import FakeRay
from llmbatch.core.clock import ManualClock
from llmbatch.orchestrator.ray_jobs.event import RayJobEvent, RayJobReason
from llmbatch.orchestrator.ray_jobs.status import RayJobInfo, RayJobStatus
from llmbatch.orchestrator.ray_jobs.time_limits import TimeLimits

NOW = datetime(2030, 1, 1, tzinfo=UTC)
PENDING = RayJobEvent(submission_id="job-g1", reason=RayJobReason.PENDING)


@pytest.mark.parametrize(("started", "begin"), [(NOW - timedelta(minutes=5), NOW - timedelta(minutes=5)), (None, NOW)])
def test_limits_count_from_the_submission_or_from_now(started: datetime | None, begin: datetime) -> None:
    info = RayJobInfo("job-g1", RayJobStatus.PENDING, started_at=started)
    limits = TimeLimits(20, timedelta(hours=1))
    assert limits.pending_until(info, ManualClock(NOW)) == begin.timestamp() + 1200
    assert limits.ends_at(info, ManualClock(NOW)) == begin.timestamp() + 3600


def test_no_limit_is_no_time() -> None:
    info = RayJobInfo("job-g1", RayJobStatus.PENDING)
    assert (TimeLimits().pending_until(info, ManualClock(NOW)), TimeLimits().ends_at(info, ManualClock(NOW))) == (
        None,
        None,
    )


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        ("Nodes\n\nResources\n----\n 1.0/2.0 CPU", "raise the limit.\n----\n 1.0/2.0 CPU"),
        ("", "raise the limit."),
        (None, "raise the limit."),
    ],
)
def test_the_error_shows_what_is_needed_and_what_there_is(cluster: str | None, expected: str) -> None:
    ray = FakeRay(cluster=cluster)
    with ray.sync_client() as jobs:
        text = str(TimeLimits(20).error(PENDING, {}, jobs))
    assert text.startswith("submission_id=job-g1: stopped, because Ray has not started it within 20 min")
    assert "needs no resources of its own" in text
    assert text.endswith(expected)


def test_a_ray_that_does_not_answer_hides_no_reason() -> None:
    ray = FakeRay(broken=[httpx.ConnectError("refused")])
    with ray.sync_client() as jobs:
        text = str(TimeLimits(20).error(PENDING, {}, jobs))
    assert "within 20 min" in text
    assert "cannot be read: Ray at http://ray:8265 cannot be reached" in text


def test_minutes_that_a_template_rendered_as_text_are_a_number() -> None:
    assert TimeLimits.given("20", None) == TimeLimits(20.0)
    assert TimeLimits.given(None, timedelta(hours=1)) == TimeLimits(None, timedelta(hours=1))
