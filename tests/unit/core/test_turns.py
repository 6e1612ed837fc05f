"""When queued jobs begin and end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from llmbatch.core.admission import QueuedJob
from llmbatch.core.progress import EtaSeconds
from llmbatch.core.turns import turns

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def _job(name: str, hours: float | None, *, due: float = 10, priority: int = 0, replicas: int = 2) -> QueuedJob:
    eta = None if hours is None else EtaSeconds(p10=0, p50=hours * 3600, p90=hours * 7200)
    return QueuedJob(
        job_id=name, root_uri="", deadline=NOW + timedelta(hours=due), priority=priority, replicas=replicas, eta=eta
    )


def _hours(begun: list[QueuedJob], waiting: list[QueuedJob]) -> list[tuple[str, float | None, float | None, int]]:
    def hours(seconds: float | None) -> float | None:
        return None if seconds is None else seconds / 3600

    return [(t.job.job_id, hours(t.start), hours(t.end), t.unknown) for t in turns(begun, waiting, 2)]


def test_jobs_of_the_whole_cluster_follow_each_other_by_priority_then_deadline() -> None:
    jobs = [_job("late", 1, due=9), _job("early", 1, due=2), _job("first", 1, due=20, priority=5)]
    assert _hours([], jobs) == [("first", 0, 1, 0), ("early", 1, 2, 0), ("late", 2, 3, 0)]


def test_a_job_that_runs_keeps_its_place() -> None:
    assert _hours([_job("runs", 1)], [_job("urgent", 1, priority=9)]) == [("runs", 0, 1, 0), ("urgent", 1, 2, 0)]


def test_a_job_of_unknown_size_has_no_times_and_is_counted() -> None:
    jobs = [_job("unknown", None, due=1), _job("known", 1, due=2)]
    assert _hours([], jobs) == [("unknown", None, None, 0), ("known", 0, 1, 1)]


def test_small_jobs_run_side_by_side() -> None:
    jobs = [_job("a", 1, due=1, replicas=1), _job("b", 1, due=2, replicas=1), _job("c", 1, due=3, replicas=1)]
    assert _hours([], jobs) == [("a", 0, 1, 0), ("b", 0, 1, 0), ("c", 0.5, 1.5, 0)]
