from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fakes.proofs import put_proof
from fakes.sla import CONFIG, HOURS, ROOT, accepted, alert_names, alerts_of, heartbeat
from llmbatch.core.config import CONFIG_ENV
from llmbatch.core.errors import StoreError
from llmbatch.core.identity import job_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.core.sla_hours import sla_hours_of
from llmbatch.core.states import Phase
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.alerting import job_alerts
from llmbatch.orchestrator.deployment.run_states import DagRunState
from llmbatch.orchestrator.watch import deadline_callback

START = datetime.now(UTC) - timedelta(hours=2)
"""Deadlines of these jobs have passed; the callback goes by the machine's clock."""


class Scene:
    """A run whose deadline has passed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = MemoryStore()
        self.state: DagRunState | Exception = DagRunState.ALIVE
        self.sent: list[list[str]] = []
        self.job_id = job_id_of("d", "r")
        self.layout = JobLayout.of(CONFIG.store.base_uri, self.job_id)
        monkeypatch.setenv(CONFIG_ENV, str(ROOT / "config" / "config.yaml"))
        monkeypatch.setattr(deadline_callback, "open_store", lambda conn_id: self.store)
        monkeypatch.setattr(deadline_callback, "dag_run_state", self.run_state)
        monkeypatch.setattr(deadline_callback, "PAUSES", (0.0,))
        monkeypatch.setattr(job_alerts, "deliver", lambda *_: self.sent.append(self.names))

    def run_state(self, dag_id: str, run_id: str) -> DagRunState:
        assert (dag_id, run_id) == ("d", "r")
        if isinstance(self.state, Exception):
            raise self.state
        return self.state

    def fire(self, used: float = 1.0, created_at: datetime = START, **run: Any) -> str:
        """Let the deadline at this part of the SLA pass."""
        hours = sla_hours_of(run.get("conf", {"sla_hours": HOURS}))
        told = {
            "dag_id": "d",
            "dag_run_id": "r",
            "run_after": created_at.isoformat(),
            "state": "running",
            "conf": {"sla_hours": HOURS},
            "note": None,
        }
        passed = {"id": "1", "deadline_time": created_at + timedelta(hours=hours * used)}
        return asyncio.run(deadline_callback.look({"dag_run": {**told, **run}, "deadline": passed}))

    @property
    def names(self) -> list[str]:
        from llmbatch.core.alerts import read_alerts

        return [f"{alert.level.value}-{alert.number}" for alert in read_alerts(self.store, self.layout)]


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_a_job_that_is_late_is_told_once_and_sent(scene: Scene) -> None:
    spec = accepted(scene.store, START)
    assert scene.fire() == f"raised {spec.job_id}:critical-1"
    assert alerts_of(spec, scene.store)[0].raised_by == "deadline"
    assert scene.sent == [["critical-1"]]
    assert "already raised" in scene.fire()
    assert scene.names == ["critical-1"]


def test_yellow_comes_at_its_time(scene: Scene) -> None:
    created = datetime.now(UTC) - timedelta(minutes=42)
    spec = accepted(scene.store, created)
    scene.fire(0.7, created)
    assert alert_names(spec, scene.store) == ["yellow-1"]


def test_a_clock_that_is_a_little_behind_changes_nothing(scene: Scene) -> None:
    created = datetime.now(UTC) - timedelta(minutes=41, seconds=55)
    accepted(scene.store, created)
    scene.fire(0.7, created)
    assert scene.names == ["yellow-1"]


def test_a_run_that_is_still_queued_is_late_too(scene: Scene) -> None:
    scene.fire(state="queued")
    assert scene.names == ["critical-1"]
    from llmbatch.core.alerts import read_alerts

    (alert,) = read_alerts(scene.store, scene.layout)
    assert alert.deadline == START + timedelta(hours=HOURS)
    assert "not accepted yet" in alert.advice


@pytest.mark.parametrize("state", [DagRunState.OVER, DagRunState.GONE])
def test_a_run_that_ended_early_raises_nothing_later(scene: Scene, state: DagRunState) -> None:
    accepted(scene.store, START)
    scene.state = state
    assert "the run has ended" in scene.fire()
    assert (scene.names, scene.sent) == ([], [])


@pytest.mark.parametrize(("state", "names"), [("failed", []), ("success", []), ("running", ["critical-1"])])
def test_the_state_of_the_miss_counts_when_airflow_cannot_be_asked(scene: Scene, state: str, names: list[str]) -> None:
    accepted(scene.store, START)
    scene.state = RuntimeError("api down")
    scene.fire(state=state)
    assert scene.names == names


def test_a_published_job_raises_nothing(scene: Scene) -> None:
    spec = accepted(scene.store, START)
    put_proof(scene.store, spec.layout)
    assert "finished in time" in scene.fire()
    assert scene.names == []


def test_while_results_are_published_only_the_deadline_itself_counts(scene: Scene) -> None:
    created = datetime.now(UTC) - timedelta(minutes=50)
    spec = accepted(scene.store, created)
    done = heartbeat(spec, datetime.now(UTC), 1, late=None).model_copy(update={"phase": Phase.DONE})
    scene.store.put(spec.layout.progress, done.model_dump_json().encode())
    assert "being published" in scene.fire(0.7, created)
    assert scene.names == []
    scene.fire(1.0, created)
    assert scene.names == ["critical-1"]


@pytest.mark.parametrize("has_spec", [True, False])
def test_a_run_that_adopted_another_run_s_job_leaves_the_word_to_that_one(scene: Scene, has_spec: bool) -> None:
    owner = accepted(scene.store, START, run_id="first", idempotency_key="k")
    conf = {"sla_hours": HOURS, "idempotency_key": "k"}
    if has_spec:
        ghost = accepted(MemoryStore(), START, idempotency_key="k")
        scene.store.put(ghost.layout.spec, ghost.model_dump_json().encode())
    assert owner.job_id in scene.fire(conf=conf)
    assert scene.names == []


def test_the_owner_of_a_key_is_told(scene: Scene) -> None:
    accepted(scene.store, START, idempotency_key="k")
    scene.fire(conf={"sla_hours": HOURS, "idempotency_key": "k"})
    assert scene.names == ["critical-1"]


def test_a_dry_run_promises_nothing(scene: Scene) -> None:
    assert "dry run" in scene.fire(conf={"sla_hours": HOURS, "dry_run": True})
    assert scene.names == []


def test_a_heartbeat_that_cannot_be_read_costs_no_alert(scene: Scene) -> None:
    spec = accepted(scene.store, START)
    scene.store.put(spec.layout.progress, b"{")
    scene.fire()
    assert scene.names == ["critical-1"]


def test_a_store_that_fails_for_a_while_is_waited_for(scene: Scene) -> None:
    accepted(scene.store, START)
    create, failures = scene.store.create, [StoreError("no route")]

    def refuse(uri: str, body: bytes) -> Any:
        if failures:
            raise failures.pop()
        return create(uri, body)

    scene.store.create = refuse  # type: ignore[method-assign]
    scene.fire()
    assert scene.names == ["critical-1"]


def test_a_store_that_stays_away_is_an_error(scene: Scene) -> None:
    def fail(uri: str) -> bytes:
        raise StoreError("no route")

    scene.store.get = fail  # type: ignore[method-assign]
    with pytest.raises(StoreError):
        scene.fire()


def test_the_same_key_of_another_user_is_another_job(scene: Scene) -> None:
    accepted(scene.store, START, run_id="first", idempotency_key="k")
    scene.fire(conf={"sla_hours": HOURS, "idempotency_key": "k"}, triggering_user_name="bob")
    assert scene.names == ["critical-1"]


def test_a_spec_that_is_not_the_job_s_costs_no_alert(scene: Scene) -> None:
    other = accepted(scene.store, START, run_id="first")
    scene.store.put(scene.layout.spec, scene.store.get(other.layout.spec))
    scene.fire()
    assert scene.names == ["critical-1"]
