from __future__ import annotations

import pytest

from llmbatch.orchestrator.ray_jobs.status import RayJobInfo, RayJobStatus


def test_info_reads_exit_code_and_times() -> None:
    info = RayJobInfo.from_api("a", {"status": "FAILED", "driver_exit_code": 22, "start_time": 1000, "message": None})
    assert (info.status, info.driver_exit_code, info.message) == (RayJobStatus.FAILED, 22, "")
    assert info.started_at is not None
    assert info.started_at.timestamp() == 1
    assert info.ended_at is None


@pytest.mark.parametrize("status", list(RayJobStatus))
def test_every_status_is_active_or_over(status: RayJobStatus) -> None:
    assert status.is_active != status.is_over
    assert status.is_active == (status in {"PENDING", "RUNNING"})
