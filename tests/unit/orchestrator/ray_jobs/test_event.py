from __future__ import annotations

import pytest

from llmbatch.core.errors import RayJobError
from llmbatch.orchestrator.ray_jobs.event import RayJobEvent, RayJobReason, read_ray_event
from llmbatch.orchestrator.ray_jobs.status import RayJobInfo, RayJobStatus

INFO = RayJobInfo("job-g1", RayJobStatus.FAILED, "went wrong", driver_exit_code=22)


@pytest.mark.parametrize(
    "event",
    [
        RayJobEvent.of("job-g1", RayJobReason.OVER, INFO, ""),
        RayJobEvent.of("job-g1", RayJobReason.UNREACHABLE, None, "refused"),
    ],
)
def test_an_event_arrives_as_it_was_sent(event: RayJobEvent) -> None:
    assert read_ray_event(event.model_dump(mode="json")) == event


def test_ray_s_answer_is_preferred_to_the_message_of_the_wait() -> None:
    event = RayJobEvent.of("job-g1", RayJobReason.TIMEOUT, INFO, "refused")
    assert (event.status, event.driver_exit_code, event.message) == (RayJobStatus.FAILED, 22, "went wrong")
    silent = RayJobEvent.of("job-g1", RayJobReason.UNREACHABLE, None, "refused")
    assert (silent.status, silent.driver_exit_code, silent.message) == (None, None, "refused")


@pytest.mark.parametrize(
    ("event", "where"),
    [
        (None, "event: "),
        ({"reason": "over"}, "submission_id: "),
        ({"submission_id": "job-g1", "reason": "bored"}, "reason: "),
        ({"submission_id": "job-g1", "reason": "over", "more": 1}, "more: "),
    ],
)
def test_an_event_of_another_shape_names_the_field(event: dict[str, object] | None, where: str) -> None:
    with pytest.raises(RayJobError, match=f"cannot be read: {where}"):
        read_ray_event(event)
