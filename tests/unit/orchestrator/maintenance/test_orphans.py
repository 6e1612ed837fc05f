"""Which Ray jobs are orphans, which are not stopped, and how an orphan ends."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from fakes.events import RecordedEvents
from fakes.ray import FakeRay
from llmbatch.core.claims import claim
from llmbatch.core.clock import ManualClock
from llmbatch.core.control import Control
from llmbatch.core.errors import ObjectMissing, RayJobError
from llmbatch.core.identity import job_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.core.states import DesiredState
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.deployment.run_states import DagRunState
from llmbatch.orchestrator.maintenance.orphans import BY, CANCEL_SECONDS, GRACE_SECONDS, Orphan, OrphanSweep

NOW = datetime(2030, 1, 1, tzinfo=UTC)
BASE, DAG = "s3://b/prefix", "llmbatch_inference"
ALIVE, OVER, GONE = DagRunState.ALIVE, DagRunState.OVER, DagRunState.GONE


class World:
    """Ray, Airflow and a store, and what happens while the sweep sleeps."""

    def __init__(self) -> None:
        self.ray, self.store, self.clock = FakeRay(), MemoryStore(), ManualClock(NOW)
        self.runs: dict[tuple[str, str], DagRunState] = {}
        self.meanwhile: list[Callable[[], None]] = []
        self.slept: list[float] = []

    def submit(self, run_id: str = "r", status: str = "RUNNING", *, claims: int = 1, dag_id: str = DAG) -> str:
        """Put a job into Ray as the operator does, with its folder; return its submission id."""
        origin = {"dag_id": dag_id, "run_id": run_id, "task_id": "run", "generation": "1"}
        job_id = job_id_of(dag_id, run_id)
        self.ray.put(f"{job_id}-g1", status, metadata=origin)
        layout = JobLayout.of(BASE, job_id)
        self.store.put(layout.spec, b"{}")
        for _ in range(claims):
            claim(self.store, layout, owner=f"{job_id}-g1", now=NOW)
        return f"{job_id}-g1"

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)
        if self.meanwhile:
            self.meanwhile.pop(0)()

    def sweep(self, *, dry_run: bool = False) -> tuple[Orphan, ...]:
        with self.ray.sync_client() as jobs:
            return OrphanSweep(
                jobs=jobs,
                run_state=lambda dag_id, run_id: self.runs.get((dag_id, run_id), GONE),
                store=self.store,
                base_uri=BASE,
                dag_ids=[DAG],
                clock=self.clock,
                sleep=self.sleep,
            ).run(dry_run=dry_run)

    def control(self, run_id: str = "r") -> Control | None:
        try:
            return Control.model_validate_json(self.store.get(JobLayout.of(BASE, job_id_of(DAG, run_id)).control))
        except ObjectMissing:
            return None


@pytest.mark.parametrize("state", [OVER, GONE])
def test_an_orphan_is_asked_and_then_stopped(state: DagRunState, events: RecordedEvents) -> None:
    world = World()
    submission_id = world.submit()
    world.runs[DAG, "r"] = state
    (orphan,) = world.sweep()
    assert events.of("orphans_stopped") == [(1,)]
    assert (orphan.submission_id, orphan.state) == (submission_id, state)
    control = world.control()
    assert control is not None
    assert (control.desired, control.generation, control.written_by) == (DesiredState.CANCEL, 1, BY)
    assert control.reason == f"its DAG run r is {state.value}"
    assert world.ray.stops == [submission_id]
    assert world.slept[0] == GRACE_SECONDS
    assert sum(world.slept[1:]) == CANCEL_SECONDS


def test_an_orphan_that_ends_when_asked_is_not_stopped_by_ray(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    submission_id = world.submit()
    world.meanwhile = [lambda: None, lambda: world.ray.put(submission_id, "FAILED", 11)]
    with caplog.at_level(logging.INFO):
        assert len(world.sweep()) == 1
    assert world.ray.stops == []
    assert len(world.slept) == 2
    assert "by=control.json" in caplog.text


def test_an_orphan_that_delivers_on_cancel_is_drained_so_that_none_of_its_rows_is_cancelled() -> None:
    world = World()
    submission_id = world.submit()
    world.store.put(JobLayout.of(BASE, job_id_of(DAG, "r")).spec, b'{"request": {"on_cancel": "deliver"}}')
    world.sweep()
    control = world.control()
    assert control is not None
    assert (control.desired, control.generation) == (DesiredState.DRAIN, 1)
    assert world.ray.stops == [submission_id]


def test_without_candidates_nothing_is_waited_for() -> None:
    world = World()
    world.submit("alive")
    world.runs[DAG, "alive"] = ALIVE
    world.submit("done", "SUCCEEDED")
    assert world.sweep() == ()
    assert world.slept == []


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda world: world.runs.update({(DAG, "r"): ALIVE}),
        lambda world: world.ray.put(f"{job_id_of(DAG, 'r')}-g1", "FAILED", 11),
    ],
    ids=["run cleared", "job stopped"],
)
def test_what_settles_within_the_grace_is_left_alone(meanwhile: Callable[[World], None]) -> None:
    world = World()
    world.submit()
    world.runs[DAG, "r"] = OVER
    world.meanwhile = [lambda: meanwhile(world)]
    assert world.sweep() == ()
    assert (world.ray.stops, world.control()) == ([], None)


def test_what_is_new_at_the_second_look_has_its_own_grace() -> None:
    world = World()
    world.submit()

    def appear() -> None:
        world.submit("new")

    world.meanwhile = [appear]
    assert [orphan.run_id for orphan in world.sweep()] == ["r"]
    assert world.control("new") is None


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.update(metadata=None),
        lambda body: body.update(metadata={"name": "notebook"}),
        lambda body: body["metadata"].update(dag_id="llmbatch_inferences"),
        lambda body: body["metadata"].pop("task_id"),
        lambda body: body["metadata"].update(run_id="another"),
        lambda body: body.update(submission_id="raysubmit_1"),
    ],
    ids=["no metadata", "others' metadata", "another DAG's name", "no task", "id of another run", "id of others"],
)
def test_jobs_of_others_are_never_touched(change: Callable[[dict], None]) -> None:
    world = World()
    submission_id = world.submit()
    change(world.ray.jobs[submission_id])
    assert world.sweep() == ()
    assert world.slept == []
    assert world.ray.stops == []


def test_jobs_of_other_dags_are_never_touched() -> None:
    world = World()
    world.submit(dag_id="other")
    assert world.sweep() == ()
    assert world.ray.stops == []


def test_a_job_without_folder_here_belongs_to_another_deployment(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.submit()
    world.store.objects.clear()
    with caplog.at_level(logging.INFO):
        assert world.sweep() == ()
    assert "event=orphan_left_alone" in caplog.text
    assert world.ray.stops == []


def test_a_job_that_has_not_begun_is_stopped_at_once() -> None:
    world = World()
    submission_id = world.submit(status="PENDING", claims=0)
    assert len(world.sweep()) == 1
    assert world.ray.stops == [submission_id]
    assert (world.control(), world.slept) == (None, [GRACE_SECONDS])


def test_a_dry_run_names_orphans_and_leaves_them(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    submission_id = world.submit()
    assert len(world.sweep(dry_run=True)) == 1
    assert f"action=would_stop submission_id={submission_id} dag_id={DAG} run_id=r run=gone" in caplog.text
    assert (world.ray.stops, world.control()) == ([], None)


def test_one_that_cannot_be_stopped_does_not_save_the_others() -> None:
    world = World()
    first, second = world.submit("a", claims=0), world.submit("b", claims=0)
    # The sweep looks twice, then asks for the first job's state.
    world.meanwhile = [lambda: world.ray.broken.extend([httpx.Response(200, json=listed), httpx.Response(500)])]
    listed = list(world.ray.jobs.values())
    with pytest.raises(RayJobError, match="1 of 2 orphans may still run"):
        world.sweep()
    assert world.ray.stops == [second]
    assert first != second
