from __future__ import annotations

import logging
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from fakes.ray import FakeRay
from fakes.state_store import StateStore
from llmbatch.core.errors import RayJobError, StoreError
from llmbatch.core.states import ExitReason
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.ray_jobs import operator as operators
from llmbatch.orchestrator.ray_jobs.generations import CURRENT_KEY, OVER_KEY
from llmbatch.orchestrator.ray_jobs.hook import RayHook
from llmbatch.orchestrator.ray_jobs.operator import RayOperator


class Ti(SimpleNamespace):
    """What the operator uses of a task instance."""

    def __init__(self) -> None:
        super().__init__(dag_id="d", run_id="r", task_id="run", map_index=-1, stats_tags={}, pushed={})

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    fake = FakeRay()
    monkeypatch.setattr(RayHook, "get_conn", lambda self: fake.sync_client())
    return fake


@pytest.fixture
def state() -> StateStore:
    return StateStore()


@pytest.fixture
def context(state: StateStore) -> dict[str, Any]:
    return {"ti": Ti(), "task_state_store": state}


def operator(**changes: Any) -> RayOperator:
    settings: dict[str, Any] = {
        "task_id": "run",
        "job_name": "job",
        "entrypoint": "work --generation {generation} --id {submission_id}",
        "exit_reasons": ExitReason,
        "results_uri": "s3://b/out/",
    }
    return RayOperator(**{**settings, **changes})


def deferred(task: RayOperator, context: dict[str, Any]) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        task.execute(context)
    return caught.value


def over(submission_id: str, status: str, code: int | None = None) -> dict[str, Any]:
    return {"submission_id": submission_id, "reason": "over", "status": status, "driver_exit_code": code, "message": ""}


def test_fresh_submits_persists_then_defers(ray: FakeRay, state: StateStore, context: dict[str, Any]) -> None:
    waiting = deferred(operator(), context)
    assert [post["submission_id"] for post in ray.posts] == ["job-g1"]
    assert ray.posts[0]["entrypoint"] == "work --generation 1 --id job-g1"
    assert ray.posts[0]["metadata"] == {"dag_id": "d", "run_id": "r", "task_id": "run", "generation": "1"}
    assert state == {CURRENT_KEY: "job-g1"}
    assert waiting.method_name == "resume"
    assert waiting.trigger.serialize()[1]["submission_id"] == "job-g1"
    assert context["ti"].pushed == {
        "ray_dashboard_link": "http://ray:8265/#/jobs/job-g1",
        "ray_results_link": "s3://b/out/",
    }


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_a_retry_attaches_to_the_active_job(
    ray: FakeRay, state: StateStore, context: dict[str, Any], status: str
) -> None:
    state.set(CURRENT_KEY, "job-g1")
    ray.put("job-g1", status)
    assert deferred(operator(), context).trigger.submission_id == "job-g1"
    assert ray.posts == []


def test_a_crash_between_submit_and_persist_attaches(ray: FakeRay, state: StateStore, context: dict[str, Any]) -> None:
    ray.put("job-g1", "RUNNING")
    deferred(operator(), context)
    assert ray.posts == []
    assert state == {CURRENT_KEY: "job-g1"}


@pytest.mark.parametrize("status", ["FAILED", "STOPPED"])
def test_the_next_generation_after_one_that_is_over(
    ray: FakeRay, state: StateStore, context: dict[str, Any], status: str
) -> None:
    state.set(CURRENT_KEY, "job-g1")
    ray.put("job-g1", status, 30)
    deferred(operator(), context)
    assert [post["submission_id"] for post in ray.posts] == ["job-g2"]
    assert state[CURRENT_KEY] == "job-g2"


def test_unrecorded_failures_are_passed_over(ray: FakeRay, context: dict[str, Any]) -> None:
    ray.put("job-g1", "FAILED", 1)
    ray.put("job-g2", "STOPPED")
    deferred(operator(), context)
    assert [post["submission_id"] for post in ray.posts] == ["job-g3"]


def test_a_job_that_ray_forgot_is_over(ray: FakeRay, state: StateStore, context: dict[str, Any]) -> None:
    state.set(CURRENT_KEY, "job-g1")
    deferred(operator(), context)
    assert [post["submission_id"] for post in ray.posts] == ["job-g2"]


def test_a_final_failure_seen_only_by_a_later_attempt_is_still_final(
    ray: FakeRay, state: StateStore, context: dict[str, Any]
) -> None:
    deferred(operator(), context)
    ray.put("job-g1", "FAILED", int(ExitReason.ENGINE_START))
    with pytest.raises(AirflowFailException, match="ENGINE_START"):
        operator().execute(context)
    assert len(ray.posts) == 1
    assert state == {OVER_KEY: 1}


def test_success_seen_only_by_a_later_attempt(ray: FakeRay, state: StateStore, context: dict[str, Any]) -> None:
    state.set(CURRENT_KEY, "job-g1")
    ray.put("job-g1", "SUCCEEDED", 0)
    assert operator().execute(context) == {"submission_id": "job-g1", "generation": 1}
    assert ray.posts == []
    assert state == {OVER_KEY: 1}
    assert context["ti"].pushed["ray_dashboard_link"].endswith("job-g1")


def test_clearing_a_success_submits_the_next_generation(
    ray: FakeRay, state: StateStore, context: dict[str, Any]
) -> None:
    deferred(operator(), context)
    ray.put("job-g1", "SUCCEEDED", 0)
    assert operator().resume(context, over("job-g1", "SUCCEEDED", 0)) == {"submission_id": "job-g1", "generation": 1}
    assert state == {OVER_KEY: 1}
    deferred(operator(), context)
    assert [post["submission_id"] for post in ray.posts] == ["job-g1", "job-g2"]


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    store = MemoryStore()

    def opened(conn_id: str) -> MemoryStore:
        assert conn_id == "my_s3"
        return store

    monkeypatch.setattr("llmbatch.orchestrator.deployment.store.open_store", opened)
    return store


DONE = {"done_uri": "s3://b/jobs/job/manifest.json", "done_conn_id": "my_s3"}


def test_finished_work_does_not_need_ray(
    state: StateStore, context: dict[str, Any], objects: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_ray(self: RayHook) -> None:
        raise AssertionError("Ray was asked")

    monkeypatch.setattr(RayHook, "get_conn", no_ray)
    objects.put(DONE["done_uri"], b"{}")
    state.set(OVER_KEY, 1)
    assert operator(**DONE).execute(context) == {"done_uri": DONE["done_uri"]}
    assert state == {OVER_KEY: 1}
    assert context["ti"].pushed == {"ray_results_link": "s3://b/out/"}


def test_work_that_is_not_finished_is_run(ray: FakeRay, context: dict[str, Any], objects: MemoryStore) -> None:
    deferred(operator(**DONE), context)
    assert [post["submission_id"] for post in ray.posts] == ["job-g1"]


def test_a_store_that_cannot_be_asked_lets_the_task_be_retried(
    ray: FakeRay, context: dict[str, Any], objects: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(uri: str) -> None:
        raise StoreError("down")

    monkeypatch.setattr(objects, "head", down)
    with pytest.raises(StoreError, match="down"):
        operator(**DONE).execute(context)
    assert ray.posts == []


def test_where_finished_work_shows_is_templated() -> None:
    assert {"done_uri", "done_conn_id"} <= set(RayOperator.template_fields)


def test_a_job_that_ends_before_the_first_look_needs_no_trigger(
    ray: FakeRay, state: StateStore, context: dict[str, Any]
) -> None:
    ray.status_of_new = "SUCCEEDED"
    assert operator().execute(context)["generation"] == 1
    assert state == {OVER_KEY: 1}
    ray.status_of_new = "FAILED"
    with pytest.raises(RayJobError):
        operator().execute(context)
    assert [post["submission_id"] for post in ray.posts] == ["job-g1", "job-g2"]
    assert state == {OVER_KEY: 2}


@pytest.mark.parametrize("reason", [reason for reason in ExitReason if reason is not ExitReason.COMMITTED])
def test_exit_codes_decide_about_a_retry(
    ray: FakeRay, state: StateStore, context: dict[str, Any], reason: ExitReason
) -> None:
    state.set(CURRENT_KEY, "job-g1")
    ray.put("job-g1", "FAILED", reason.value)
    ray.logs["job-g1"] = "\n".join(f"line {n}" for n in range(100))
    with pytest.raises(AirflowFailException if reason.is_final else RayJobError) as caught:
        operator().resume(context, over("job-g1", "FAILED", reason.value))
    text = str(caught.value)
    assert f"{reason.name}: {reason.advice}" in text
    assert "line 99" in text
    assert "line 79\n" not in text
    assert state == {OVER_KEY: 1}


@pytest.mark.parametrize("code", [None, 77])
def test_an_unknown_exit_code_allows_a_retry(ray: FakeRay, context: dict[str, Any], code: int | None) -> None:
    with pytest.raises(RayJobError, match=f"exit_code={code}"):
        operator().resume(context, over("job-g1", "FAILED", code))


def test_a_generic_job_gives_exit_codes_no_meaning(ray: FakeRay, context: dict[str, Any]) -> None:
    event = over("job-g1", "FAILED", ExitReason.BAD_SPEC.value) | {"message": "went wrong"}
    with pytest.raises(RayJobError, match="went wrong"):
        operator(exit_reasons=None).resume(context, event)


def test_a_forgotten_job_allows_a_retry(ray: FakeRay, context: dict[str, Any]) -> None:
    with pytest.raises(RayJobError, match="forgotten"):
        operator().resume(context, over("job-g1", "NOT_FOUND"))


def test_lost_contact_keeps_the_job_for_the_next_attempt(
    ray: FakeRay, state: StateStore, context: dict[str, Any]
) -> None:
    state.set(CURRENT_KEY, "job-g1")
    event = {"submission_id": "job-g1", "reason": "unreachable", "message": "refused"}
    with pytest.raises(RayJobError, match=r"attaches.*refused"):
        operator().resume(context, event)
    assert state == {CURRENT_KEY: "job-g1"}
    assert ray.stops == []


def test_a_timeout_stops_the_job_in_the_resume_method(ray: FakeRay, state: StateStore, context: dict[str, Any]) -> None:
    state.set(CURRENT_KEY, "job-g1")
    ray.put("job-g1", "RUNNING")
    with pytest.raises(RayJobError, match="timeout of 1:00:00"):
        operator(job_timeout=timedelta(hours=1)).resume(context, {"submission_id": "job-g1", "reason": "timeout"})
    assert ray.stops == ["job-g1"]
    assert state == {OVER_KEY: 1}


def test_a_timeout_counts_from_ray_s_start(ray: FakeRay, context: dict[str, Any]) -> None:
    trigger = deferred(operator(job_timeout=timedelta(seconds=60)), context).trigger
    assert trigger.serialize()[1]["ends_at"] == 1_700_000_060.0


@pytest.mark.parametrize("event", [None, {}, {"submission_id": "job-g1", "reason": "bored"}, {"x": 1}])
def test_a_malformed_event_is_refused(ray: FakeRay, context: dict[str, Any], event: Any) -> None:
    with pytest.raises(RayJobError, match="event that cannot be read"):
        operator().resume(context, event)


def test_on_kill_stops_the_job_that_is_waited_for(
    ray: FakeRay, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = operator()
    task.on_kill()
    assert ray.stops == []
    deferred(task, context)
    monkeypatch.setattr("llmbatch.orchestrator.ray_jobs.client.RayJobs", lambda address: ray.sync_client())
    task.on_kill()
    assert ray.stops == ["job-g1"]


def test_on_kill_never_raises(ray: FakeRay, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    task = operator()
    deferred(task, context)
    monkeypatch.setattr("llmbatch.orchestrator.ray_jobs.client.RayJobs", lambda address: ray.sync_client(token="wrong"))
    task.on_kill()
    assert ray.stops == []


def test_a_subclass_may_cancel_politely(ray: FakeRay, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Polite(RayOperator):
        def on_cancel(self, jobs: Any, submission_id: str) -> None:
            asked.append(submission_id)

    task = Polite(task_id="run", job_name="job", entrypoint="x")
    deferred(task, context)
    monkeypatch.setattr("llmbatch.orchestrator.ray_jobs.client.RayJobs", lambda address: ray.sync_client())
    task.on_kill()
    assert asked == ["job-g1"]
    assert ray.stops == []


def test_waiting_in_the_worker(ray: FakeRay, state: StateStore, context: dict[str, Any], monkeypatch) -> None:
    looks = iter(["RUNNING", "SUCCEEDED"])
    monkeypatch.setattr(operators.time, "sleep", lambda seconds: ray.put("job-g1", next(looks), 0))
    assert operator(deferrable=False).execute(context) == {"submission_id": "job-g1", "generation": 1}
    assert state == {OVER_KEY: 1}


def test_links_survive_the_process(ray: FakeRay, context: dict[str, Any], monkeypatch) -> None:
    from airflow.sdk.execution_time.xcom import XCom

    task = operator(results_uri=None)
    dashboard, results = task.operator_extra_links
    monkeypatch.setattr(XCom, "get_value", lambda ti_key, key: {"ray_dashboard_link": "http://early"}.get(key))
    assert dashboard.get_link(task, ti_key=context["ti"]) == "http://early"
    assert results.get_link(task, ti_key=context["ti"]) == ""
    deferred(task, context)
    assert dashboard.get_link(task, ti_key=context["ti"]) == "http://ray:8265/#/jobs/job-g1"


def test_without_a_state_store_a_job_still_runs(ray: FakeRay, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    deferred(operator(), {"ti": Ti()})
    assert [post["submission_id"] for post in ray.posts] == ["job-g1"]
