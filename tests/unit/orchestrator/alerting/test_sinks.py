from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.sdk import BaseNotifier

from fakes.alert_receiver import Receiver, connect, receiving
from llmbatch.cli import check_alerts as check
from llmbatch.core.config import AlertsConfig
from llmbatch.orchestrator.alerting.sinks import sinks_of


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def test_the_task_log_is_always_there_and_names_are_unique() -> None:
    assert [sink.name for sink in sinks_of(AlertsConfig())] == ["task-log"]
    config = AlertsConfig.model_validate(
        {
            "alertmanager": [{"conn_id": "am"}, {"conn_id": "am_2"}, {"conn_id": "am"}],
            "webhook": [{"conn_id": "am"}],
            "statsd": [{"host": "h"}, {"host": "h", "port": 9}],
            "notifiers": [{"path": "a.B", "arguments": {"x": 1}}, {"path": "a.B"}],
        }
    )
    names = [sink.name for sink in sinks_of(config)]
    assert names == [
        *("task-log", "alertmanager.am", "alertmanager.am_2", "webhook.am", "statsd.h.8125", "statsd.h.9"),
        *("notifier.B.b69c8256", "notifier.B.cee99059"),
    ]


def test_the_check_says_which_sink_is_broken(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    connect(monkeypatch, "good", host="127.0.0.1", port=receiver.port)
    connect(monkeypatch, "bad", host="127.0.0.1", port=1)
    alerts = {"webhook": [{"conn_id": "good"}, {"conn_id": "bad"}]}
    config = {"default_model": "m", "models": {"m": {"uri": "x"}}, "alerts": alerts}
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    monkeypatch.setenv("LLMBATCH_CONFIG", str(tmp_path / "config.yaml"))
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "")
    assert check.main(["--level", "red"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["ok     task-log", "ok     webhook.good"]
    assert lines[2].startswith("broken webhook.bad: connection 'bad': the receiver cannot be reached")
    assert receiver.requests[0][2]["job_id"] == "job-test"


def test_the_example_in_the_configuration_is_right_but_for_its_comment_signs() -> None:
    text = (Path(__file__).parents[4] / "config" / "config.yaml").read_text()
    example = text.partition("# alerts:\n")[2].partition("\n\n")[0]
    alerts = yaml.safe_load("\n".join(line.removeprefix("#") for line in example.splitlines()))
    config = AlertsConfig.model_validate(alerts)
    assert len(sinks_of(config)) == 5
    for item in config.notifiers:
        assert issubclass(pkgutil.resolve_name(item.path), BaseNotifier)
