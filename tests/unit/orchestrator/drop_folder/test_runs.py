"""DAG runs through the API of a task."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import ErrorResponse, OKResponse, TriggerDagRun
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.sdk.execution_time.xcom import XCom

from llmbatch.core.errors import RequestError
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.orchestrator.drop_folder.runs import AirflowRuns


def answering(monkeypatch: pytest.MonkeyPatch, answer: object) -> list[object]:
    sent: list[object] = []

    def send(message: object) -> object:
        sent.append(message)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", SimpleNamespace(send=send), raising=False)
    return sent


def server_error(status: int) -> AirflowRuntimeError:
    detail = {"status_code": status, "detail": {"detail": {"message": "no such field"}}}
    return AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=detail))


@pytest.mark.parametrize(
    "answer", [OKResponse(ok=True), ErrorResponse(error=ErrorType.DAGRUN_ALREADY_EXISTS)], ids=["new", "exists"]
)
def test_a_run_is_started_once(monkeypatch: pytest.MonkeyPatch, answer: object):
    sent = answering(monkeypatch, answer)
    AirflowRuns().start("drop__1", {"input_uri": "s3://b/a"})
    assert sent == [TriggerDagRun(dag_id=INFERENCE_DAG, run_id="drop__1", conf={"input_uri": "s3://b/a"})]


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_run_that_airflow_refuses_is_a_bad_request(monkeypatch: pytest.MonkeyPatch, status: int):
    answering(monkeypatch, server_error(status))
    with pytest.raises(RequestError, match="no such field"):
        AirflowRuns().start("drop__1", {})


@pytest.mark.parametrize(
    "answer", [server_error(503), ErrorResponse(error=ErrorType.GENERIC_ERROR)], ids=["down", "other"]
)
def test_an_airflow_that_is_down_refuses_nothing(monkeypatch: pytest.MonkeyPatch, answer: object):
    answering(monkeypatch, answer)
    with pytest.raises(AirflowRuntimeError):
        AirflowRuns().start("drop__1", {})


@pytest.mark.parametrize(
    ("states", "texts", "words"),
    [
        (
            {"accept": "failed", "stage": "upstream_failed"},
            {"accept": "input_uri: no"},
            "Task accept failed: input_uri: no",
        ),
        ({"run": "failed"}, {}, "Task run failed: see its log in Airflow"),
        ({"run": "success"}, {}, "ended without a manifest"),
        ({"run": "failed"}, {"run": "two\nlines \x1b"}, "Task run failed: two\nlines \\x1b"),
    ],
)
def test_a_failure_is_told_by_the_tasks(
    monkeypatch: pytest.MonkeyPatch, states: dict[str, str], texts: dict[str, str], words: str
):
    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(lambda **_: {"r": states}))
    monkeypatch.setattr(XCom, "get_one", lambda *, task_id, **_: texts.get(task_id))
    assert words in AirflowRuns().failure("r")
