"""The section ``alerts`` of config.yaml: the receivers of alerts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from llmbatch.core.config_sections import Section


class AlertmanagerSettings(Section):
    """Alertmanager's v2 API behind an Airflow connection (type http): address, and login or token if required."""

    conn_id: str


class WebhookSettings(Section):
    """A URL behind an Airflow connection (type http) that takes each alert as one JSON POST."""

    conn_id: str


class StatsdSettings(Section):
    """A StatsD server; counters and gauges get this prefix."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 8125
    prefix: str = "llmbatch"


class NotifierSettings(Section):
    """Any Airflow notifier, by class path; its templated arguments see ``alert`` (a mapping) and ``message``."""

    path: str
    arguments: dict[str, JsonValue] = Field(default_factory=dict)


class AlertsConfig(Section):
    """Where alerts go besides the task log. Every list may be empty; one broken sink never stops another."""

    alertmanager: tuple[AlertmanagerSettings, ...] = ()
    webhook: tuple[WebhookSettings, ...] = ()
    statsd: tuple[StatsdSettings, ...] = ()
    notifiers: tuple[NotifierSettings, ...] = ()
    runbook_url: str = ""
    """Linked in each alert, with ``#sla-yellow``, ``#sla-red`` or ``#sla-critical`` appended."""
