"""The receivers of alerts: the interface of a sink, and the sinks that config.yaml configures."""

from __future__ import annotations

from typing import Protocol

from llmbatch.core.alert_settings import AlertsConfig
from llmbatch.core.alerts import Alert
from llmbatch.orchestrator.alerting.alertmanager import AlertmanagerSink
from llmbatch.orchestrator.alerting.notifier import NotifierSink
from llmbatch.orchestrator.alerting.statsd_server import StatsdSink
from llmbatch.orchestrator.alerting.task_log import TaskLogSink
from llmbatch.orchestrator.alerting.webhook import WebhookSink


class Sink(Protocol):
    """One receiver of alerts."""

    @property
    def name(self) -> str:
        """Unique among the sinks and the same in every process: part of the key that records what it has received."""

    def send(self, alert: Alert) -> None:
        """Send one alert, blocking.

        Raises:
            SinkRejected: the receiver rejects this alert permanently.
            SinkError: it did not accept it this time. Any other exception has the same effect.
        """


def sinks_of(config: AlertsConfig) -> tuple[Sink, ...]:
    """Return the task log and all configured sinks, each once. Reads no connection and opens nothing.

    Connections are read when an alert is sent, so a corrected one is used from the next attempt.
    """
    found: list[Sink] = [
        TaskLogSink(),
        *(AlertmanagerSink(item.conn_id) for item in config.alertmanager),
        *(WebhookSink(item.conn_id) for item in config.webhook),
        *(StatsdSink(item.host, item.port, item.prefix) for item in config.statsd),
        *(NotifierSink(item.path, item.arguments) for item in config.notifiers),
    ]
    return tuple({sink.name: sink for sink in found}.values())
