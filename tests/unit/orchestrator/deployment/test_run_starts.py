from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import ErrorResponse, OKResponse, TriggerDagRun
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from llmbatch.orchestrator.deployment.run_starts import RunStart, start_run

EXISTS = ErrorResponse(error=ErrorType.DAGRUN_ALREADY_EXISTS)


class Airflow:
    """Answers a task: with ``first`` to the creation of a run, with success to what follows."""

    def __init__(self, first: Any) -> None:
        self.answers: list[Any] = [first, OKResponse(ok=True)]
        self.sent: list[TriggerDagRun] = []

    def send(self, message: TriggerDagRun) -> Any:
        self.sent.append(message)
        return self.answers.pop(0)


def start(monkeypatch: pytest.MonkeyPatch, first: Any, state: str = "unread") -> tuple[RunStart, list[TriggerDagRun]]:
    airflow = Airflow(first)
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", airflow, raising=False)
    monkeypatch.setattr(RuntimeTaskInstance, "get_dagrun_state", staticmethod(lambda dag_id, run_id: state))
    return start_run("d", "r", {"input_uri": "s3://b/x"}), airflow.sent


def test_a_new_run_is_created_with_the_conf_and_without_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    found, (sent,) = start(monkeypatch, OKResponse(ok=True))
    assert found is RunStart.NEW
    assert (sent.dag_id, sent.run_id, sent.conf, sent.logical_date) == ("d", "r", {"input_uri": "s3://b/x"}, None)
    assert not sent.reset_dag_run


@pytest.mark.parametrize("state", ["queued", "running", "success"])
def test_a_run_that_exists_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    found, sent = start(monkeypatch, EXISTS, state)
    assert found is RunStart.FOUND
    assert len(sent) == 1


def test_a_run_that_failed_is_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    found, sent = start(monkeypatch, EXISTS, "failed")
    assert found is RunStart.CONTINUED
    assert [(one.run_id, bool(one.reset_dag_run)) for one in sent] == [("r", False), ("r", True)]


def test_another_refusal_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowRuntimeError, match="API_SERVER_ERROR"):
        start(monkeypatch, ErrorResponse(error=ErrorType.API_SERVER_ERROR))
