from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from fakes.proofs import put_proof
from fakes.ray import FakeRay
from fakes.ray_task import deferred, over
from fakes.state_store import StateStore
from llmbatch.core.config import CONFIG_ENV
from llmbatch.core.errors import RayJobError, StoreError
from llmbatch.core.layout import JobLayout
from llmbatch.core.states import ExitReason
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.ray_jobs.generations import CURRENT_KEY, OVER_KEY
from llmbatch.orchestrator.ray_jobs.hook import RayHook
from llmbatch.orchestrator.tasks.job_run import JobRun


def job_run(**changes: Any) -> JobRun:
    settings: dict[str, Any] = {
        "task_id": "run",
        "job_name": "job",
        "entrypoint": "work --generation {generation} --id {submission_id}",
        "results_uri": "s3://b/out/",
    }
    return JobRun(**{**settings, **changes})


def test_a_final_failure_seen_only_by_a_later_attempt_is_still_final(
    ray: FakeRay, state: StateStore, context: dict[str, Any]
) -> None:
    deferred(job_run(), context)
    ray.put("job-g1", "FAILED", int(ExitReason.ENGINE_START))
    with pytest.raises(AirflowFailException, match="ENGINE_START"):
        job_run().execute(context)
    assert len(ray.posts) == 1
    assert state == {OVER_KEY: 1}


def test_the_code_of_the_configuration_travels_with_the_job(
    ray: FakeRay, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deferred(job_run(runtime_env={"env_vars": {"A": "1"}}), context)
    config = {"ray": {"py_modules": ["s3://b/llmbatch.zip"]}, "default_model": "m", "models": {"m": {"uri": "hub/m"}}}
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    monkeypatch.setenv(CONFIG_ENV, str(tmp_path / "config.yaml"))
    ray.put("job-g1", "FAILED", int(ExitReason.CRASHED))
    with pytest.raises(RayJobError):
        job_run().resume(context, over("job-g1", "FAILED", int(ExitReason.CRASHED)))
    deferred(job_run(runtime_env={"env_vars": {"A": "1"}}), context)
    assert [post["runtime_env"] for post in ray.posts] == [
        {"env_vars": {"A": "1"}},
        {"env_vars": {"A": "1"}, "py_modules": ["s3://b/llmbatch.zip"]},
    ]


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
        raise AssertionError("a call to Ray")

    monkeypatch.setattr(RayHook, "get_conn", no_ray)
    put_proof(objects, JobLayout("s3://b/jobs/job"))
    state.set(OVER_KEY, 1)
    assert job_run(**DONE).execute(context) == {"done_uri": DONE["done_uri"]}
    assert state == {OVER_KEY: 1}
    assert context["ti"].pushed == {"ray_results_link": "s3://b/out/"}


def test_another_job_s_manifest_is_no_finished_work(
    ray: FakeRay, context: dict[str, Any], objects: MemoryStore
) -> None:
    put_proof(objects, JobLayout("s3://b/jobs/job"), "job-ffffffffffffffff")
    with pytest.raises(AirflowFailException, match="is not the proof of job: it is that of 'job-ffffffffffffffff'"):
        job_run(**DONE).execute(context)
    assert ray.posts == []


def test_work_that_is_not_finished_is_run(ray: FakeRay, context: dict[str, Any], objects: MemoryStore) -> None:
    deferred(job_run(**DONE), context)
    assert [post["submission_id"] for post in ray.posts] == ["job-g1"]


def claimed(objects: MemoryStore, *numbers: int) -> None:
    layout = JobLayout(DONE["done_uri"].rpartition("/")[0])
    for number in numbers:
        objects.put(layout.claim(number), b"{}")


@pytest.mark.parametrize("status", [None, "SUCCEEDED", "FAILED", "STOPPED"])
def test_a_number_that_a_claim_has_used_is_not_used_again_when_airflow_has_forgotten_it(
    ray: FakeRay, state: StateStore, context: dict[str, Any], objects: MemoryStore, status: str | None
) -> None:
    claimed(objects, 3)  # maintenance has removed the earlier ones
    if status is not None:
        ray.put("job-g3", status)
    deferred(job_run(**DONE), context)
    assert [post["submission_id"] for post in ray.posts] == ["job-g4"]


def test_a_job_that_runs_unrecorded_is_attached_to_whatever_its_claim(
    ray: FakeRay, context: dict[str, Any], objects: MemoryStore
) -> None:
    claimed(objects, 1, 2)
    ray.put("job-g2", "RUNNING")
    assert deferred(job_run(**DONE), context).trigger.submission_id == "job-g2"
    assert ray.posts == []


def test_airflow_s_number_counts_where_it_is_higher(
    ray: FakeRay, state: StateStore, context: dict[str, Any], objects: MemoryStore
) -> None:
    claimed(objects, 1)
    state.set(OVER_KEY, 5)
    deferred(job_run(**DONE), context)
    assert [post["submission_id"] for post in ray.posts] == ["job-g6"]


def test_a_store_that_does_not_answer_lets_the_task_be_retried(
    ray: FakeRay, context: dict[str, Any], objects: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(uri: str) -> None:
        raise StoreError("down")

    monkeypatch.setattr(objects, "get", down)
    with pytest.raises(StoreError, match="down"):
        job_run(**DONE).execute(context)
    assert ray.posts == []


def test_where_finished_work_shows_is_templated() -> None:
    assert {"done_uri", "done_conn_id"} <= set(JobRun.template_fields)


@pytest.mark.parametrize("reason", [reason for reason in ExitReason if reason is not ExitReason.COMMITTED])
def test_exit_codes_decide_about_a_retry(
    ray: FakeRay, state: StateStore, context: dict[str, Any], reason: ExitReason
) -> None:
    state.set(CURRENT_KEY, "job-g1")
    ray.put("job-g1", "FAILED", reason.value)
    ray.logs["job-g1"] = "\n".join(f"line {n}" for n in range(100))
    with pytest.raises(AirflowFailException if reason.is_final else RayJobError) as caught:
        job_run().resume(context, over("job-g1", "FAILED", reason.value))
    text = str(caught.value)
    assert f"{reason.name}: {reason.advice}" in text
    assert "line 99" in text
    assert "line 79\n" not in text
    assert state == {OVER_KEY: 1}


@pytest.mark.parametrize("code", [None, 77])
def test_an_unknown_exit_code_allows_a_retry(ray: FakeRay, context: dict[str, Any], code: int | None) -> None:
    with pytest.raises(RayJobError, match=f"exit_code={code}"):
        job_run().resume(context, over("job-g1", "FAILED", code))


def test_both_buttons_work_while_the_job_runs(ray: FakeRay, context: dict[str, Any]) -> None:
    deferred(job_run(), context)
    assert context["ti"].pushed == {
        "ray_dashboard_link": "http://ray:8265/#/jobs/job-g1",
        "ray_results_link": "s3://b/out/",
    }


def test_links_survive_the_process(ray: FakeRay, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.execution_time.xcom import XCom

    task = job_run(results_uri=None)
    dashboard, results = task.operator_extra_links
    monkeypatch.setattr(XCom, "get_value", lambda ti_key, key: {"ray_dashboard_link": "http://early"}.get(key))
    assert dashboard.get_link(task, ti_key=context["ti"]) == "http://early"
    assert results.get_link(task, ti_key=context["ti"]) == ""
    deferred(task, context)
    assert dashboard.get_link(task, ti_key=context["ti"]) == "http://ray:8265/#/jobs/job-g1"
