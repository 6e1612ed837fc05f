from __future__ import annotations

import pytest

from fakes.ray import FakeRay
from llmbatch.orchestrator.ray_jobs.event import RayJobEvent, RayJobReason
from llmbatch.orchestrator.ray_jobs.outcome import failure_text, log_end, lost_contact
from llmbatch.orchestrator.ray_jobs.status import RayJobInfo, RayJobStatus

FAILED = RayJobInfo("job-g1", RayJobStatus.FAILED, driver_exit_code=22)


@pytest.mark.parametrize(
    ("reason", "end_of_log", "more"),
    [("why", "the end", "\nwhy\nthe end"), ("", "the end", "\nthe end"), ("why", "", "\nwhy"), ("", "", "")],
)
def test_a_failure_leaves_empty_parts_out(reason: str, end_of_log: str, more: str) -> None:
    text = failure_text(FAILED, reason, end_of_log)
    assert text == f"submission_id=job-g1 status=FAILED exit_code=22{more}"


def test_the_log_ends_with_its_last_lines() -> None:
    ray = FakeRay(logs={"job-g1": "".join(f"line {number}\n" for number in range(100))})
    ray.put("job-g1", "FAILED", 22)
    end = log_end(FAILED, ray.sync_client)
    assert end.startswith("The log ends with:\nline 80\n")
    assert end.endswith("\nline 99")


def test_a_log_that_cannot_be_read_gives_the_reason() -> None:
    ray = FakeRay()
    assert "its log cannot be read: " in log_end(FAILED, lambda: ray.sync_client(token="wrong"))


def test_the_log_of_a_forgotten_job_is_not_requested() -> None:
    def connect() -> None:
        raise AssertionError("a call to Ray")

    assert "Ray has forgotten the job" in log_end(RayJobInfo.not_found("job-g1"), connect)  # type: ignore[arg-type]


def test_lost_contact_names_the_job_and_the_last_failure() -> None:
    event = RayJobEvent.of("job-g1", RayJobReason.UNREACHABLE, None, "refused")
    text = str(lost_contact(event, 7))
    assert text.startswith("submission_id=job-g1: lost contact after 7 failed polls")
    assert text.endswith("refused")
