from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from fakes.ray import FakeRay
from fakes.ray_task import Ti, deferred, over
from fakes.state_store import StateStore
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import RayJobError
from llmbatch.core.states import ExitReason
from llmbatch.orchestrator.ray_jobs import wait as waits
from llmbatch.orchestrator.ray_jobs.generations import CURRENT_KEY, OVER_KEY
from llmbatch.orchestrator.ray_jobs.operator import RayOperator


def operator(**changes: Any) -> RayOperator:
    settings: dict[str, Any] = {
        "task_id": "run",
        "job_name": "job",
        "entrypoint": "work --generation {generation} --id {submission_id}",
    }
    return RayOperator(**{**settings, **changes})


def test_fresh_submits_persists_then_defers(ray: FakeRay, state: StateStore, context: dict[str, Any]) -> None:
    waiting = deferred(operator(), context)
    assert [post["submission_id"] for post in ray.posts] == ["job-g1"]
    assert ray.posts[0]["entrypoint"] == "work --generation 1 --id job-g1"
    assert ray.posts[0]["metadata"] == {"dag_id": "d", "run_id": "r", "task_id": "run", "generation": "1"}
    assert state == {CURRENT_KEY: "job-g1"}
    assert waiting.method_name == "resume"
    assert waiting.trigger.serialize()[1]["submission_id"] == "job-g1"
    assert context["ti"].pushed == {"ray_dashboard_link": "http://ray:8265/#/jobs/job-g1"}


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


def test_a_generic_job_gives_exit_codes_no_meaning(ray: FakeRay, context: dict[str, Any]) -> None:
    event = over("job-g1", "FAILED", ExitReason.BAD_SPEC.value) | {"message": "went wrong"}
    with pytest.raises(RayJobError, match="went wrong"):
        operator().resume(context, event)


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
    cancelled = []

    class Polite(RayOperator):
        def on_cancel(self, jobs: Any, submission_id: str) -> None:
            cancelled.append(submission_id)

    task = Polite(task_id="run", job_name="job", entrypoint="x")
    deferred(task, context)
    monkeypatch.setattr("llmbatch.orchestrator.ray_jobs.client.RayJobs", lambda address: ray.sync_client())
    task.on_kill()
    assert cancelled == ["job-g1"]
    assert ray.stops == []


def test_waiting_in_the_worker(ray: FakeRay, state: StateStore, context: dict[str, Any], monkeypatch) -> None:
    looks = iter(["RUNNING", "SUCCEEDED"])
    monkeypatch.setattr(waits.time, "sleep", lambda seconds: ray.put("job-g1", next(looks), 0))
    assert operator(deferrable=False).execute(context) == {"submission_id": "job-g1", "generation": 1}
    assert state == {OVER_KEY: 1}


def test_a_job_that_runs_too_long_in_the_worker_is_stopped(
    ray: FakeRay, state: StateStore, context: dict[str, Any], monkeypatch
) -> None:
    monkeypatch.setattr(RayOperator, "clock", clock := ManualClock(datetime.fromtimestamp(1_700_000_000, UTC)))
    monkeypatch.setattr(waits.time, "sleep", clock.advance)
    ray.status_of_new = "RUNNING"
    with pytest.raises(RayJobError, match="timeout of 0:01:00"):
        operator(deferrable=False, poll_seconds=20, job_timeout=timedelta(minutes=1)).execute(context)
    assert clock.monotonic() == 60
    assert ray.stops == ["job-g1"]
    assert state == {OVER_KEY: 1}


def test_lost_contact_in_the_worker_keeps_the_job(
    ray: FakeRay, state: StateStore, context: dict[str, Any], monkeypatch
) -> None:
    def sleep(seconds: float) -> None:
        ray.broken = [httpx.ConnectError("refused")]

    monkeypatch.setattr(waits.time, "sleep", sleep)
    with pytest.raises(RayJobError, match=r"lost contact after 2 failed polls.*refused"):
        operator(deferrable=False, poll_failures_tolerated=2).execute(context)
    assert state == {CURRENT_KEY: "job-g1"}
    assert ray.stops == []


def test_links_survive_the_process(ray: FakeRay, context: dict[str, Any], monkeypatch) -> None:
    from airflow.sdk.execution_time.xcom import XCom

    task = operator()
    (dashboard,) = task.operator_extra_links
    monkeypatch.setattr(XCom, "get_value", lambda ti_key, key: {"ray_dashboard_link": "http://early"}.get(key))
    assert dashboard.get_link(task, ti_key=context["ti"]) == "http://early"
    deferred(task, context)
    assert dashboard.get_link(task, ti_key=context["ti"]) == "http://ray:8265/#/jobs/job-g1"


def test_without_a_state_store_a_job_still_runs(ray: FakeRay, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    deferred(operator(), {"ti": Ti()})
    assert [post["submission_id"] for post in ray.posts] == ["job-g1"]


SUBMITTED = 1_700_000_000.0
"""Ray's time of the submission, as ``FakeRay`` reports it."""


def test_the_time_to_start_counts_from_the_submission(ray: FakeRay, state: StateStore, context: dict[str, Any]) -> None:
    assert deferred(operator(pending_minutes=20), context).trigger.pending_until == SUBMITTED + 1200
    assert deferred(operator(pending_minutes=20), context).trigger.pending_until == SUBMITTED + 1200, "it started over"
    assert deferred(operator(), context).trigger.pending_until is None


def test_a_job_that_stays_pending_is_given_up_and_the_retry_does_not_attach(
    ray: FakeRay, state: StateStore, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RayOperator, "clock", clock := ManualClock())
    monkeypatch.setattr(waits.time, "sleep", clock.advance)
    ray.stops_pending = False
    task = operator(pending_minutes=20, ray_resources={"entrypoint_num_gpus": 8})
    deferred(task, context)
    ray.cluster = "Node status\n 1 node\n\nResources\n-----\nTotal Usage:\n 2.0/2.0 CPU"
    with pytest.raises(RayJobError, match="not started it within 20 min") as caught:
        task.resume(context, {"submission_id": "job-g1", "reason": "pending", "status": "PENDING", "message": ""})
    assert "entrypoint_num_gpus=8" in str(caught.value)
    assert "2.0/2.0 CPU" in str(caught.value)
    assert caught.value.retryable
    assert ray.stops == ["job-g1"]
    assert state == {OVER_KEY: 1}
    deferred(task, context)
    assert [post["submission_id"] for post in ray.posts] == ["job-g1", "job-g2"]


def test_a_job_that_stays_pending_in_the_worker_is_given_up(
    ray: FakeRay, state: StateStore, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RayOperator, "clock", clock := ManualClock(datetime.fromtimestamp(SUBMITTED, UTC)))
    monkeypatch.setattr(waits.time, "sleep", clock.advance)
    with pytest.raises(RayJobError, match="not started it within 1 min"):
        operator(deferrable=False, poll_seconds=20, pending_minutes=1).execute(context)
    assert clock.monotonic() == 60
    assert (ray.stops, state) == (["job-g1"], {OVER_KEY: 1})
