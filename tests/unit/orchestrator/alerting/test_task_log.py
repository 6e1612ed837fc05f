from __future__ import annotations

import logging

import pytest

from fakes.alerts import an_alert
from llmbatch.core.alerts import Level
from llmbatch.orchestrator.alerting.task_log import TaskLogSink


@pytest.mark.parametrize(
    ("level", "severity"),
    [(Level.OK, "INFO"), (Level.YELLOW, "WARNING"), (Level.RED, "ERROR"), (Level.CRITICAL, "CRITICAL")],
)
def test_the_task_log_gets_one_line_as_severe_as_the_level(
    level: Level, severity: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        TaskLogSink().send(an_alert(level))
    assert [record.levelname for record in caplog.records] == [severity]
    line = caplog.messages[0]
    assert "\n" not in line
    assert f"alert=job-1:{level.value}-1" in line
