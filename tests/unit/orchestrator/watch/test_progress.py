from __future__ import annotations

import pytest

from fakes.clocks import AdjustableClock
from fakes.heartbeat import NOW, beat
from llmbatch.core.progress import Progress
from llmbatch.core.states import Phase
from llmbatch.orchestrator.watch.event import WatchReason
from llmbatch.orchestrator.watch.progress import ProgressWatch


class Scene:
    """A watch whose clock is set before each look, in seconds after the start."""

    def __init__(self) -> None:
        self.clock = AdjustableClock(NOW)
        self.watch = ProgressWatch("job-1", self.clock, stall_seconds=60)

    def observe(self, progress: Progress | None, seconds: float) -> list[str]:
        return self.at(seconds).observe(progress)

    def at(self, seconds: float) -> ProgressWatch:
        self.clock.advance(seconds - self.clock.monotonic())
        return self.watch


def test_not_started_is_said_once() -> None:
    scene = Scene()
    assert scene.observe(None, 0) == ["job=job-1 phase=not_started eta=unknown"]
    assert scene.observe(None, 3) == []
    assert scene.observe(None, 300) == []


def test_a_line_when_something_changed() -> None:
    scene = Scene()
    assert "rows=0/1000 (0.0%)" in scene.observe(beat(0), 0)[0]
    assert scene.observe(beat(3), 3) == []
    assert scene.observe(beat(6, ended=5), 6) == []
    assert "(1.0%)" in scene.observe(beat(9, ended=10), 9)[0]
    assert "phase=tail" in scene.observe(beat(12, ended=10, phase=Phase.TAIL), 12)[0]
    assert "generation=2" in scene.observe(beat(15, ended=10, phase=Phase.TAIL, generation=2), 15)[0]
    assert "message='one node lost'" in scene.observe(beat(18, 10, Phase.TAIL, message="one node lost"), 18)[0]


def test_a_quiet_job_is_reported_once_a_minute() -> None:
    scene = Scene()
    said = [second for second in range(0, 181, 5) if scene.observe(beat(second), second)]
    assert said == [0, 60, 120, 180]


def test_a_clock_that_is_set_back_delays_no_line() -> None:
    scene = Scene()
    assert scene.observe(beat(0), 0)
    scene.clock.set_back(3600)
    assert not scene.observe(beat(0), 59)
    assert scene.observe(beat(0), 60)


def test_a_clock_that_is_set_back_delays_no_query_of_the_run_task() -> None:
    scene = Scene()
    assert not scene.watch.needs_run_state()
    scene.clock.set_back(3600)
    assert scene.at(30).needs_run_state()


def test_a_stale_heartbeat_is_a_stall_with_unknown_eta() -> None:
    scene = Scene()
    assert "eta=20s" in scene.observe(beat(0), 30)[0]
    (line,) = scene.observe(beat(0), 91)
    assert "stalled: the last heartbeat is 91s old" in line
    assert "eta=unknown" in line
    assert scene.observe(beat(0), 94) == []
    assert scene.observe(beat(0), 160) != []
    assert scene.observe(beat(161, ended=20), 161) != []


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
    scene = Scene()
    scene.observe(beat(0, phase=phase) if phase else None, 0)
    assert scene.at(1).end(run_state) == reason


def test_an_old_done_says_nothing_about_a_cleared_run() -> None:
    scene = Scene()
    old = beat(0, phase=Phase.DONE)
    (line,) = scene.observe(old, 3600)
    assert "waiting for the run task" in line
    assert scene.observe(old, 3700) == []
    assert scene.at(3600).end("deferred") is None
    assert scene.at(3600).end("success") is WatchReason.RUN_ENDED


def test_a_problem_is_said_once_until_it_changes_or_passes() -> None:
    scene = Scene()
    assert scene.watch.unreadable("no route") == ["job=job-1 progress cannot be read, trying again: no route"]
    assert scene.watch.unreadable("no route") == []
    assert scene.watch.unreadable("denied") != []
    scene.observe(None, 0)
    assert scene.watch.unreadable("denied") != []


def test_airflow_is_asked_only_when_the_heartbeat_leaves_a_doubt() -> None:
    scene = Scene()
    assert [scene.at(second).needs_run_state() for second in (0, 29, 30)] == [False, False, True]
    for phase, second, doubts in [
        (Phase.WORK, 0, False),
        (Phase.DONE, 0, False),
        (Phase.WORK, 61, True),
        (Phase.DONE, 61, True),
        (Phase.FAILED, 0, True),
        (Phase.DRAINED, 0, True),
    ]:
        scene.observe(beat(100, phase=phase), 100)
        assert scene.at(100 + second).needs_run_state() is doubts
