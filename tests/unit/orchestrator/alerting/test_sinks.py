from __future__ import annotations

import pkgutil
from pathlib import Path

import yaml
from airflow.sdk import BaseNotifier

from llmbatch.core.alert_settings import AlertsConfig
from llmbatch.orchestrator.alerting.sinks import sinks_of


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


def test_the_example_in_the_configuration_is_right_but_for_its_comment_signs() -> None:
    text = (Path(__file__).parents[4] / "config" / "config.yaml").read_text()
    example = text.partition("# alerts:\n")[2].partition("\n\n")[0]
    alerts = yaml.safe_load("\n".join(line.removeprefix("#") for line in example.splitlines()))
    config = AlertsConfig.model_validate(alerts)
    assert len(sinks_of(config)) == 5
    for item in config.notifiers:
        assert issubclass(pkgutil.resolve_name(item.path), BaseNotifier)
