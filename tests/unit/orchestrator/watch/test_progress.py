from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from fakes.heartbeat import NOW, beat
from llmbatch.core.states import Phase
from llmbatch.orchestrator.watch.event import WatchReason
from llmbatch.orchestrator.watch.progress import ProgressWatch


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_not_started_is_said_once() -> None:
    watch = ProgressWatch("job-1")
    assert watch.observe(None, at(0)) == ["job=job-1 phase=not_started eta=unknown"]
    assert watch.observe(None, at(3)) == []
    assert watch.observe(None, at(300)) == []


def test_a_line_when_something_changed() -> None:
    watch = ProgressWatch("job-1")
    assert "rows=0/1000 (0.0%)" in watch.observe(beat(0), at(0))[0]
    assert watch.observe(beat(3), at(3)) == []
    assert watch.observe(beat(6, ended=5), at(6)) == []
    assert "(1.0%)" in watch.observe(beat(9, ended=10), at(9))[0]
    assert "phase=tail" in watch.observe(beat(12, ended=10, phase=Phase.TAIL), at(12))[0]
    assert "generation=2" in watch.observe(beat(15, ended=10, phase=Phase.TAIL, generation=2), at(15))[0]
    assert "message='one node lost'" in watch.observe(beat(18, 10, Phase.TAIL, message="one node lost"), at(18))[0]


def test_a_quiet_job_is_reported_once_a_minute() -> None:
    watch = ProgressWatch("job-1")
    said = [second for second in range(0, 181, 5) if watch.observe(beat(second), at(second))]
    assert said == [0, 60, 120, 180]


def test_a_stale_heartbeat_is_a_stall_with_unknown_eta() -> None:
    watch = ProgressWatch("job-1", stall_seconds=60)
    assert "eta=20s" in watch.observe(beat(0), at(30))[0]
    (line,) = watch.observe(beat(0), at(91))
    assert "stalled: the last heartbeat is 91s old" in line
    assert "eta=unknown" in line
    assert watch.observe(beat(0), at(94)) == []
    assert watch.observe(beat(0), at(160)) != []
    assert watch.observe(beat(161, ended=20), at(161)) != []


@pytest.mark.parametrize(
    ("phase", "run_state", "reason"),
    [
        (Phase.WORK, "deferred", None),
        (Phase.DONE, "deferred", WatchReason.PHASE_DONE),
        (Phase.FAILED, "up_for_retry", None),
        (Phase.FAILED, "queued", None),
        (Phase.DRAINED, "up_for_retry", None),
        (Phase.FAILED, "failed", WatchReason.RUN_ENDED),
        (Phase.CANCELLED, "failed", WatchReason.RUN_ENDED),
        (Phase.WORK, "success", WatchReason.RUN_ENDED),
        (Phase.WORK, "missing", WatchReason.RUN_ENDED),
        (None, "failed", WatchReason.RUN_ENDED),
        (None, "upstream_failed", WatchReason.RUN_ENDED),
        (None, None, None),
        (None, "scheduled", None),
    ],
)
def test_when_to_stop(phase: Phase | None, run_state: str | None, reason: WatchReason | None) -> None:
    watch = ProgressWatch("job-1")
    watch.observe(beat(0, phase=phase) if phase else None, at(0))
    assert watch.end(run_state, at(1)) == reason


def test_an_old_done_says_nothing_about_a_cleared_run() -> None:
    watch = ProgressWatch("job-1", stall_seconds=60)
    old = beat(0, phase=Phase.DONE)
    (line,) = watch.observe(old, at(3600))
    assert "waiting for the run task" in line
    assert watch.observe(old, at(3700)) == []
    assert watch.end("deferred", at(3600)) is None
    assert watch.end("success", at(3600)) is WatchReason.RUN_ENDED


def test_a_problem_is_said_once_until_it_changes_or_passes() -> None:
    watch = ProgressWatch("job-1")
    assert watch.unreadable("no route") == ["job=job-1 progress cannot be read, going on: no route"]
    assert watch.unreadable("no route") == []
    assert watch.unreadable("denied") != []
    watch.observe(None, at(0))
    assert watch.unreadable("denied") != []


def test_airflow_is_asked_only_when_the_heartbeat_leaves_a_doubt() -> None:
    watch = ProgressWatch("job-1", stall_seconds=60)
    assert [watch.doubts(at(second)) for second in (0, 29, 30)] == [False, False, True]
    for phase, second, doubts in [
        (Phase.WORK, 0, False),
        (Phase.DONE, 0, False),
        (Phase.WORK, 61, True),
        (Phase.DONE, 61, True),
        (Phase.FAILED, 0, True),
        (Phase.DRAINED, 0, True),
    ]:
        watch.observe(beat(100, phase=phase), at(100))
        assert watch.doubts(at(100 + second)) is doubts
