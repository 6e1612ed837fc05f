from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.orchestrator.deployment.run_starts import RunStart
from llmbatch.orchestrator.tasks import job_start
from llmbatch.orchestrator.tasks.job_start import JobStart

NIGHT = datetime(2026, 1, 2, 2, tzinfo=UTC)
REQUEST: dict[str, Any] = {"input_uri": "s3://b/in.jsonl", "sla_hours": 6}


class Ti:
    """Keeps what a task pushes."""

    def __init__(self) -> None:
        self.pushed: dict[str, object] = {}

    def xcom_push(self, key: str, value: object) -> None:
        self.pushed[key] = value


def context(**changed: Any) -> Any:
    return {"logical_date": NIGHT, "ds": "2026-01-02", "run_id": "scheduled__2026-01-02", "ti": Ti()} | changed


def task(request: dict[str, Any] | None = None, dag_id: str = "nightly", **arguments: Any) -> JobStart:
    return JobStart(task_id="job", request=request or REQUEST, dag=DAG(dag_id, schedule=None), **arguments)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Any]]:
    """What was started, in order."""
    found: list[tuple[str, str, Any]] = []

    def start(dag_id: str, run_id: str, conf: Any) -> RunStart:
        found.append((dag_id, run_id, dict(conf)))
        return RunStart.NEW

    monkeypatch.setattr(job_start, "start_run", start)
    return found


def run_id_of(started: list[tuple[str, str, Any]], one: JobStart, at: Any) -> str:
    with pytest.raises(TaskDeferred):
        one.execute(at)
    return started.pop()[1]


def test_it_starts_the_rendered_request_and_waits_without_a_worker(started: list[tuple[str, str, Any]]) -> None:
    one = task({"input_uri": "s3://b/{{ ds }}/", "sampling": {"stop": ["{{ ds }}"]}, "sla_hours": 6}, poll_seconds=3)
    at = context()
    one.render_template_fields(at)
    with pytest.raises(TaskDeferred) as deferred:
        one.execute(at)
    ((dag_id, run_id, conf),) = started
    assert dag_id == INFERENCE_DAG
    assert conf == {"input_uri": "s3://b/2026-01-02/", "sampling": {"stop": ["2026-01-02"]}, "sla_hours": 6}
    assert deferred.value.trigger.serialize()[1] == {"dag_id": INFERENCE_DAG, "run_id": run_id, "poll_seconds": 3}
    assert at["ti"].pushed["job_link"].endswith(f"/dags/{INFERENCE_DAG}/runs/{run_id.replace(':', '%3A')}")
    assert one.resume(at, event={"state": "success"}, **(deferred.value.kwargs or {})) == {
        "run_id": run_id,
        "job_id": job_id_of(INFERENCE_DAG, run_id),
    }


def test_without_waiting_it_returns_the_job(started: list[tuple[str, str, Any]]) -> None:
    job = task(wait=False).execute(context())
    ((_, run_id, _),) = started
    assert job == {"run_id": run_id, "job_id": job_id_of(INFERENCE_DAG, run_id)}


def test_the_run_id_names_the_dag_and_the_night(started: list[tuple[str, str, Any]]) -> None:
    assert run_id_of(started, task(), context()).startswith("nightly__2026-01-02T02:00:00__")
    undated = context(logical_date=None, run_id="asset_triggered__1")
    assert run_id_of(started, task(), undated).startswith("nightly__asset_triggered__1__")


def test_a_night_with_the_same_request_is_one_job(started: list[tuple[str, str, Any]]) -> None:
    """A deleted run that a backfill creates again has another run id and the same logical date."""
    first = run_id_of(started, task(), context())
    assert run_id_of(started, task(), context(run_id="backfill__2026-01-02")) == first
    assert run_id_of(started, task({"sla_hours": 6, "input_uri": "s3://b/in.jsonl"}), context()) == first


def test_another_dag_night_run_or_request_is_another_job(started: list[tuple[str, str, Any]]) -> None:
    found = [
        run_id_of(started, task(), context()),
        run_id_of(started, task(dag_id="other"), context()),
        run_id_of(started, task(), context(logical_date=NIGHT.replace(microsecond=1))),
        run_id_of(started, task(REQUEST | {"sla_hours": 7}), context()),
        run_id_of(started, task(), context(logical_date=None, run_id="a")),
        run_id_of(started, task(), context(logical_date=None, run_id="b")),
    ]
    assert len(set(found)) == len(found)


def test_long_and_foreign_names_make_a_run_id_that_airflow_takes(started: list[tuple[str, str, Any]]) -> None:
    undated = [context(logical_date=None, run_id="r" * 240 + end) for end in "ab"]
    found = [run_id_of(started, task(dag_id="ü" * 240), at) for at in undated]
    assert len(set(found)) == 2
    assert all(len(run_id) <= 250 and run_id.isascii() and "/" not in run_id for run_id in found)


def test_a_wrong_request_starts_nothing(started: list[tuple[str, str, Any]]) -> None:
    with pytest.raises(AirflowFailException, match=r"sla_hours.*-1"):
        task(REQUEST | {"sla_hours": -1}).execute(context())
    assert started == []


def test_a_run_without_a_date_says_what_to_write(caplog: pytest.LogCaptureFixture) -> None:
    undated = {"run_id": "manual__1", "ti": Ti()}
    with pytest.raises(AirflowFailException) as error:
        task({"input_uri": "s3://b/{{ ds }}/"}).render_template_fields(undated)  # type: ignore[arg-type]
    assert str(error.value).startswith("input_uri: 'ds' is undefined. This run has no logical date")
    assert "{{ dag_run.run_after | ds }}" in str(error.value)
    assert caplog.text == ""


def test_another_unknown_name_is_named_with_its_field() -> None:
    with pytest.raises(AirflowFailException) as error:
        task(REQUEST | {"system_prompt": "{{ no_such_name }}"}).render_template_fields(context())
    assert str(error.value) == "system_prompt: 'no_such_name' is undefined"


@pytest.mark.parametrize(("state", "advice"), [("failed", "Clear this task to continue"), ("missing", "was deleted")])
def test_the_end_of_the_job_is_the_end_of_the_night(state: str, advice: str) -> None:
    one = task()
    with pytest.raises(AirflowFailException, match=advice) as error:
        one.resume(context(), run_id="r", event={"state": state})
    assert job_id_of(INFERENCE_DAG, "r") in str(error.value)
    assert one.job_url is not None
