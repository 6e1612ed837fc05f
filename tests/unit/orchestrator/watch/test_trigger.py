from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fakes.heartbeat import beat
from fakes.sla import CONFIG, accepted
from fakes.triggers import event_of, listen
from llmbatch.core.alerts import read_alerts
from llmbatch.core.errors import StoreError
from llmbatch.core.identity import job_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.core.states import Phase
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.alerting import job_alerts
from llmbatch.orchestrator.watch import progress as progress_watch
from llmbatch.orchestrator.watch import sla as sla_watch
from llmbatch.orchestrator.watch import trigger as eta_trigger
from llmbatch.orchestrator.watch.trigger import EtaTrigger

JOB = JobLayout.of(CONFIG.store.base_uri, job_id_of("d", "r")).root
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def trigger() -> EtaTrigger:
    return EtaTrigger(job_uri=JOB, store_conn_id="my_s3", dag_id="d", run_id="r", poll_seconds=0)


class Scene:
    """A store whose content and a run task whose state change from look to look."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = MemoryStore()
        self.looks: list[tuple[bytes | Exception | None, Any]] = []
        self.opened = 0
        monkeypatch.setattr(eta_trigger, "open_store", self.open)
        monkeypatch.setattr(eta_trigger, "task_state", self.state)
        monkeypatch.setattr(progress_watch, "PATIENCE_SECONDS", 0.0)
        self.asked = 0
        self.run_state: Any = None
        read = self.store.get

        def get(uri: str) -> bytes:
            if uri != JobLayout(JOB).progress:
                return read(uri)
            # a watch that goes on too long ends with another reason; it never hangs
            body, self.run_state = self.looks.pop(0) if self.looks else (None, "failed")
            if isinstance(body, Exception):
                raise body
            if body is not None:
                self.write(uri, body)
            return read(uri)

        self.store.get = get  # type: ignore[method-assign]
        self.write: Callable[[str, bytes], object] = self.store.objects.__setitem__
        """How looks come into the store: without a time of the write, or with it."""

    def open(self, conn_id: str) -> MemoryStore:
        self.opened += 1
        assert conn_id == "my_s3"
        return self.store

    def state(self, dag_id: str, run_id: str, task_id: str) -> str | None:
        assert (dag_id, run_id, task_id) == ("d", "r", "run")
        self.asked += 1
        if isinstance(self.run_state, Exception):
            raise self.run_state
        return self.run_state


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def written(phase: Phase, ended: int = 0, sequence: int = 1) -> bytes:
    progress = beat(ended=ended, phase=phase, written_at=datetime.now(UTC), sequence=sequence)
    return progress.model_dump_json().encode()


def test_the_wire_format_is_pinned() -> None:
    arguments = {
        "job_uri": JOB,
        "store_conn_id": "my_s3",
        "dag_id": "d",
        "run_id": "r",
        "run_task_id": "run",
        "poll_seconds": 1.0,
        "stall_seconds": 9.0,
        "version": 1,
    }
    path, kwargs = EtaTrigger(**arguments).serialize()
    assert path == "llmbatch.orchestrator.watch.trigger.EtaTrigger"
    assert kwargs == arguments


def test_it_tells_the_job_s_story_and_ends_with_done(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.looks = [
        (None, "queued"),
        (written(Phase.MODEL_LOAD), "deferred"),
        (written(Phase.WORK, 500), "deferred"),
        (written(Phase.DONE, 1000), "deferred"),
    ]
    waiting = trigger()
    said = listen(waiting, monkeypatch)
    assert event_of(waiting) == {
        "job_id": JobLayout(JOB).job_id,
        "reason": "phase_done",
        "phase": "done",
        "run_state": None,
    }
    told = [line.split("phase=")[1].split(" ")[0] for line in said if "phase=" in line]
    assert told == ["not_started", "model_load", "work", "done"]
    assert scene.opened == 1
    assert scene.asked == 1  # before the first heartbeat; a healthy job costs no question


@pytest.mark.parametrize("ahead", [65, -65, 3600, -3600])
def test_a_driver_with_another_clock_is_not_stalled_and_reported_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    at = datetime.now(UTC) + timedelta(seconds=ahead)
    scene.looks = [
        (beat(ended=count, sequence=count, written_at=at, phase=phase).model_dump_json().encode(), "deferred")
        for count, phase in ((1, Phase.WORK), (500, Phase.WORK), (1000, Phase.DONE))
    ]
    scene.write = MemoryStore.put.__get__(scene.store)
    waiting = trigger()
    said = listen(waiting, monkeypatch)
    assert event_of(waiting)["reason"] == "phase_done"
    assert not any("stalled" in line for line in said)
    assert sum("event=clock_skew job_id=job-1" in line for line in said) == 1


def test_it_survives_the_run_task_s_retries(scene: Scene) -> None:
    failed = written(Phase.FAILED)
    scene.looks = [(failed, "deferred"), (failed, "up_for_retry"), (failed, None), (failed, "failed")]
    assert event_of(trigger())["reason"] == "run_ended"
    assert scene.looks == []


@pytest.mark.parametrize("phase", [Phase.DONE, Phase.WORK, None], ids=["done", "work", "no heartbeat"])
def test_it_ends_with_a_run_task_that_had_nothing_to_do(scene: Scene, phase: Phase | None) -> None:
    """A cleared success: the heartbeat, if there is one, is of long ago."""
    old = None if phase is None else beat(phase=phase).model_copy(update={"written_at": LONG_AGO}).model_dump_json()
    scene.looks = [(old.encode() if old else None, "queued"), (None, "success")]
    waiting = trigger()
    assert event_of(waiting) | {"phase": None} == {
        "job_id": JobLayout(JOB).job_id,
        "reason": "run_ended",
        "phase": None,
        "run_state": "success",
    }
    assert scene.looks == []


def test_no_failed_look_ends_it(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.looks = [
        (StoreError("no route"), None),
        (StoreError("no route"), None),
        (b"not json", None),
        (b'{"job_id": "job-1"}', RuntimeError("api down")),
        (RuntimeError("anything"), None),
        (written(Phase.DONE), "deferred"),
    ]
    waiting = trigger()
    said = listen(waiting, monkeypatch)
    assert event_of(waiting)["reason"] == "phase_done"
    assert sum("no route" in line for line in said) == 1
    assert any("generation: Field required (and " in line for line in said)
    assert any("api down" in line for line in said)


@pytest.mark.parametrize(
    ("last", "run_state", "words"),
    [(Phase.WORK, "failed", "ended as failed"), (Phase.WORK, "success", "finished"), (Phase.DONE, None, "finished")],
)
def test_it_ends_with_an_ok_that_says_why(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, last: Phase, run_state: str | None, words: str
) -> None:
    """A job that is late, up to the end of its watch."""
    monkeypatch.setattr(job_alerts, "deliver", lambda *_: True)
    spec = accepted(MemoryStore(), datetime.now(UTC) - timedelta(hours=2))
    scene.store.objects[JobLayout(JOB).spec] = spec.model_dump_json().encode()
    stale = beat(phase=last, written_at=LONG_AGO).model_dump_json().encode()
    end = stale if last is Phase.WORK else written(last, 1000, sequence=2)
    scene.looks = [(stale, "deferred"), (stale, "deferred"), (end, run_state)]
    event_of(trigger())
    found = read_alerts(scene.store, JobLayout(JOB))
    assert [alert.level.value for alert in found] == ["critical", "ok"]
    assert words in found[1].reason


def test_alerts_that_fail_in_every_way_end_no_watch(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(sla_watch, "read_spec", fail)
    scene.looks = [(written(Phase.WORK), "deferred"), (written(Phase.DONE), "deferred")]
    assert event_of(trigger())["reason"] == "phase_done"


@pytest.mark.parametrize(("run_state", "calls"), [("failed", 4), ("success", 2)])
def test_alerts_of_a_job_that_failed_are_sent_before_the_watch_ends(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, run_state: str, calls: int
) -> None:
    """After a success the task `report` sends them; after a failure there is no later task."""
    monkeypatch.setattr(eta_trigger, "LAST_DELIVERY_PAUSE", 0.0)
    answers = iter([False, False, False, True, True])
    made: list[bool] = []

    def deliver(*_: Any) -> bool:
        made.append(next(answers))
        return made[-1]

    monkeypatch.setattr(job_alerts, "deliver", deliver)
    spec = accepted(MemoryStore(), datetime.now(UTC) - timedelta(hours=2))
    scene.store.objects[JobLayout(JOB).spec] = spec.model_dump_json().encode()
    stale = beat(phase=Phase.WORK, written_at=LONG_AGO).model_dump_json().encode()
    scene.looks = [(stale, "deferred"), (stale, "deferred"), (stale, run_state)]
    event_of(trigger())
    assert len(made) == calls
