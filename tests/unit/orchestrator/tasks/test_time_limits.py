"""A task that never ends is ended, by an error that names the limit."""

from __future__ import annotations

import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowTaskTimeout
from airflow.sdk.execution_time.timeout import timeout

from llmbatch.orchestrator.tasks import inference as tasks
from llmbatch.orchestrator.tasks.time_limits import text_of_timeout


def test_the_error_of_a_task_that_ran_into_its_limit_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = timedelta(seconds=0.05)
    monkeypatch.setattr(tasks, "get_current_context", lambda: {"task": SimpleNamespace(execution_timeout=limit)})

    @tasks.final_unless_retryable
    def stage() -> None:
        while True:
            time.sleep(0.01)

    with (
        pytest.raises(AirflowTaskTimeout, match=r"stage ran longer than its execution_timeout of 0:00:00.05"),
        timeout(limit.total_seconds()),
    ):
        stage()


def test_it_says_what_to_do() -> None:
    text = text_of_timeout("publish", timedelta(hours=6))
    assert text.startswith("publish ran longer than its execution_timeout of 6:00:00, and was ended.")
    assert "clear the task" in text
    assert "dags/llmbatch_inference.py" in text
