"""Each daily check: what is right, what is to be looked at, what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from llmbatch.core.backups import BackupRecord
from llmbatch.core.sla_status import JobStatus, Status
from llmbatch.gateway.airflow.client import DagRun
from llmbatch.gateway.jobs import check_rules as rules
from llmbatch.gateway.jobs.check_rules import CheckState

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def job(number: int, status: Status = Status.ON_TRACK, reason: str = "", phase: str = "work") -> JobStatus:
    return JobStatus(
        job_id=f"job-{number}", progress_pct=0, eta_hours=None, sla_remaining_hours=1, status=status, phase=phase,
        deadline=NOW, reason=reason,
    )  # fmt: skip


def run(hours: float, state: str = "failed") -> DagRun:
    end = NOW - timedelta(hours=hours)
    return DagRun(dag_id="d", dag_run_id=f"run-{hours}", state=state, run_after=end, end_date=end)


def backup(hours: float) -> BackupRecord:
    return BackupRecord(
        finished_at=NOW - timedelta(hours=hours), target="s3://safe/jobs/", objects=3, bytes=44, copied=1
    )


def test_a_job_at_risk_is_named_with_its_reason() -> None:
    assert rules.deadlines([job(1)]).state is CheckState.OK
    found = rules.deadlines([job(1), job(2, Status.AT_RISK, "no heartbeat for 300 s"), job(3, Status.VIOLATED)])
    assert found.state is CheckState.LOOK
    assert "2 of 3 jobs: job-2 at_risk (no heartbeat for 300 s), job-3 violated (the ETA is late)" in found.text


def test_a_queue_over_its_target_is_reported() -> None:
    jobs = [job(1), job(2, phase="queued"), job(3, phase="queued")]
    assert rules.queue(jobs, 2).state is CheckState.OK
    assert rules.queue(jobs, 1).state is CheckState.LOOK


def test_failures_of_the_last_day_are_named_and_only_some() -> None:
    assert rules.failures([run(25)], NOW).state is CheckState.OK
    found = rules.failures([run(1), run(23), run(25)], NOW)
    assert (found.state, "2 runs failed in the last 24 h: run-1, run-23." in found.text) == (CheckState.LOOK, True)
    many = rules.failures([run(n / 10) for n in range(1, 9)], NOW)
    assert "run-0.5 and 3 more" in many.text


def test_orphans_are_named() -> None:
    assert rules.orphans([]).state is CheckState.OK
    assert "job-7" in rules.orphans(["job-7"]).text


@pytest.mark.parametrize(
    ("hours", "tasks", "states"),
    [
        (None, {}, ("look", "look")),
        (0.5, {"sweep_orphans": "success", "expire": "skipped"}, ("ok", "ok")),
        (0.5, {"sweep_orphans": "failed", "expire": "success"}, ("wrong", "ok")),
        (0.5, {"sweep_orphans": "success", "expire": "failed"}, ("ok", "wrong")),
        (3.1, {"sweep_orphans": "success", "expire": "success"}, ("look", "look")),
    ],
)
def test_the_last_maintenance_proves_cluster_and_retention(
    hours: float | None, tasks: dict[str, str | None], states: tuple[str, str]
) -> None:
    runs = [] if hours is None else [run(hours, "success")]
    found = rules.maintenance(runs, tasks, NOW)
    assert [(check.name, check.state.value) for check in found] == [("cluster", states[0]), ("retention", states[1])]


def test_a_backup_that_stopped_is_wrong_and_none_is_to_be_looked_at() -> None:
    assert rules.backups([], NOW).state is CheckState.LOOK
    assert rules.backups([backup(50), backup(25)], NOW).state is CheckState.OK
    assert rules.backups([backup(27)], NOW).state is CheckState.WRONG


@pytest.mark.parametrize(("free", "state"), [(0.2, "ok"), (0.1, "look"), (0.01, "wrong")])
def test_a_full_disk_is_reported(free: float, state: str) -> None:
    assert rules.disk(free).state.value == state


@pytest.mark.parametrize(("skew", "state"), [(None, "ok"), (-59.0, "ok"), (61.0, "wrong"), (-61.0, "wrong")])
def test_clocks_that_differ_are_wrong(skew: float | None, state: str) -> None:
    assert rules.store_clock(skew).state.value == state


def test_versions_are_listed() -> None:
    assert rules.versions({"airflow": "3", "config": "ab"}).text == "airflow 3, config ab"
