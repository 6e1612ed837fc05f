from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from fakes.ray import FakeRay
from fakes.triggers import event_of, listen
from llmbatch.core.errors import StoreError
from llmbatch.orchestrator.ray_jobs import trigger as triggers
from llmbatch.orchestrator.ray_jobs.hook import RayHook
from llmbatch.orchestrator.ray_jobs.trigger import RayJobTrigger

NEVER = object()
"""Stands for a state that Airflow does not return in time."""


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    fake = FakeRay()

    async def client(self: RayHook) -> Any:
        return fake.async_client()

    monkeypatch.setattr(RayHook, "get_async_conn", client)
    monkeypatch.setattr(triggers, "LOG_SECONDS", 0.0)
    return fake


def trigger(**changes: Any) -> RayJobTrigger:
    settings: dict[str, Any] = {"submission_id": "job-g1", "ray_conn_id": "my_ray", "poll_seconds": 0}
    return RayJobTrigger(**{**settings, **changes})


def test_the_wire_format_is_pinned() -> None:
    arguments = {
        "submission_id": "job-g1",
        "ray_conn_id": "my_ray",
        "poll_seconds": 1.5,
        "poll_failures_tolerated": 7,
        "ends_at": 123.0,
        "pending_until": 45.0,
        "version": 1,
    }
    path, kwargs = RayJobTrigger(**arguments).serialize()
    assert path == "llmbatch.orchestrator.ray_jobs.trigger.RayJobTrigger"
    assert kwargs == arguments


def test_a_trigger_of_an_older_deploy_still_loads() -> None:
    _, kwargs = RayJobTrigger(submission_id="job-g1", ray_conn_id="my_ray").serialize()
    assert kwargs["version"] == 1
    assert (kwargs["ends_at"], kwargs["pending_until"]) == (None, None)


@pytest.mark.parametrize(("status", "code"), [("SUCCEEDED", 0), ("FAILED", 22), ("STOPPED", None), ("NOT_FOUND", None)])
def test_one_flat_event_at_the_end(ray: FakeRay, status: str, code: int | None) -> None:
    if status != "NOT_FOUND":
        ray.put("job-g1", status, code, "from ray")
    event = event_of(trigger())
    assert event["reason"] == "over"
    assert (event["status"], event["driver_exit_code"], event["submission_id"]) == (status, code, "job-g1")


def test_no_event_before_airflow_has_settled_the_deferral(ray: FakeRay, monkeypatch: pytest.MonkeyPatch) -> None:
    ray.put("job-g1", "FAILED", 22)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(triggers.asyncio, "sleep", sleep)
    event_of(trigger(poll_seconds=30))
    assert slept == [triggers.SETTLE_SECONDS]


def test_failed_polls_within_the_budget_are_survived(ray: FakeRay) -> None:
    ray.put("job-g1", "SUCCEEDED", 0)
    ray.broken = [httpx.ConnectError("refused"), httpx.Response(503), httpx.ReadTimeout("slow")]
    assert event_of(trigger(poll_failures_tolerated=3))["status"] == "SUCCEEDED"


def test_the_budget_counts_failures_in_a_row(ray: FakeRay) -> None:
    ray.put("job-g1", "RUNNING")
    looks: list[Any] = []

    class Flaky(FakeRay):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            looks.append(request)
            if len(looks) > 20:
                self.put("job-g1", "SUCCEEDED", 0)
            if len(looks) % 3 == 0:
                raise httpx.ConnectError("now and then")
            return super().__call__(request)

    flaky = Flaky(jobs=ray.jobs)
    ray.async_client = flaky.async_client  # type: ignore[method-assign]
    assert event_of(trigger(poll_failures_tolerated=1))["status"] == "SUCCEEDED"


def test_a_spent_budget_is_not_a_failed_job(ray: FakeRay) -> None:
    ray.broken = [httpx.ConnectError("refused")] * 5
    event = event_of(trigger(poll_failures_tolerated=2))
    assert (event["reason"], event["status"]) == ("unreachable", None)
    assert "refused" in event["message"]
    assert len(ray.broken) == 2


def test_a_job_that_runs_too_long(ray: FakeRay) -> None:
    ray.put("job-g1", "RUNNING")
    assert event_of(trigger(ends_at=1.0))["reason"] == "timeout"
    assert ray.stops == []


def test_a_job_that_ray_does_not_start(ray: FakeRay) -> None:
    ray.put("job-g1", "PENDING")
    event = event_of(trigger(pending_until=1.0))
    assert (event["reason"], event["status"]) == ("pending", "PENDING")
    assert ray.stops == []


def test_a_job_that_just_made_it_is_not_timed_out(ray: FakeRay) -> None:
    ray.put("job-g1", "SUCCEEDED", 0)
    assert event_of(trigger(ends_at=1.0))["reason"] == "over"


def test_only_new_log_lines_are_passed_on(ray: FakeRay, monkeypatch: pytest.MonkeyPatch) -> None:
    ray.put("job-g1", "RUNNING")
    texts = iter(["one\ntw", "one\ntwo\n", "one\ntwo\nthree"])

    async def sleep(seconds: float) -> None:
        ray.logs["job-g1"] = next(texts)
        if ray.logs["job-g1"].endswith("three"):
            ray.put("job-g1", "SUCCEEDED", 0)

    monkeypatch.setattr(triggers.asyncio, "sleep", sleep)
    waiting = trigger()
    logged = listen(waiting, monkeypatch)
    event_of(waiting)
    assert logged == ["job-g1 | one", "job-g1 | two", "job-g1 | three"]


@pytest.mark.parametrize(
    ("state", "stops"),
    [
        ("failed", ["job-g1"]),
        ("success", ["job-g1"]),
        ("missing", ["job-g1"]),
        (None, []),
        ("scheduled", []),
        ("running", []),
        (StoreError("no answer"), ["job-g1"]),
        (NEVER, ["job-g1"]),
    ],
)
def test_on_kill_stops_unless_the_task_was_cleared(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch, state: Any, stops: list[str]
) -> None:
    over = threading.Event()

    def read(*_: Any) -> Any:
        if isinstance(state, Exception):
            raise state
        if state is NEVER:
            over.wait(60)
        return state

    async def kill() -> None:
        await waiting.on_kill()
        over.set()

    monkeypatch.setattr(triggers, "task_state", read)
    monkeypatch.setattr(triggers, "STATE_SECONDS", 0.01 if state is NEVER else 60)
    ray.put("job-g1", "RUNNING")
    waiting = trigger()
    waiting.task_instance = SimpleNamespace(dag_id="d", run_id="r", task_id="run", map_index=-1)  # type: ignore[assignment]
    asyncio.run(kill())
    assert ray.stops == stops


def test_repeated_cancel_does_not_keep_on_kill_from_stopping_the_job(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    called, answer = threading.Event(), threading.Event()

    def read(*_: Any) -> str:
        called.set()
        answer.wait(60)
        return "failed"

    async def cancelled_twice() -> None:
        killing = asyncio.create_task(waiting.on_kill())
        await asyncio.to_thread(called.wait, 60)
        killing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await killing
        answer.set()
        await asyncio.wait_for(asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}), 60)  # type: ignore[arg-type]

    monkeypatch.setattr(triggers, "task_state", read)
    ray.put("job-g1", "RUNNING")
    waiting = trigger()
    waiting.task_instance = SimpleNamespace(dag_id="d", run_id="r", task_id="run", map_index=-1)  # type: ignore[assignment]
    asyncio.run(cancelled_twice())
    assert ray.stops == ["job-g1"]


def test_cleanup_never_stops_the_job(ray: FakeRay) -> None:
    ray.put("job-g1", "RUNNING")
    asyncio.run(trigger().cleanup())
    assert ray.stops == []
