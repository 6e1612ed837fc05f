"""Alerts for Prometheus Alertmanager, through its v2 API (v1 is gone since 0.27)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pydantic import JsonValue

from llmbatch.core.alerts import Alert, Level, message, title
from llmbatch.orchestrator.alerting.endpoint import endpoint_of

ALERTNAME = "LlmbatchSla"
API = "/api/v2/alerts"

SEVERITY = {Level.YELLOW: "warning", Level.RED: "critical", Level.CRITICAL: "critical"}
KEEP = {Level.YELLOW: timedelta(hours=1), Level.RED: timedelta(hours=1), Level.CRITICAL: timedelta(days=7)}
"""Time after the deadline at which an alert ends: a prediction is outdated by then, a violation needs attention."""


@dataclass(frozen=True)
class AlertmanagerSink:
    """Fires yellow, red and critical; ``ok`` resolves all three.

    Alertmanager identifies an alert by its labels, so a repetition changes nothing. Each alert carries its end:
    otherwise it would be resolved after ``resolve_timeout``, because alerts are not repeated as by Prometheus.
    Alertmanager keeps alerts in memory: a restart loses them.
    """

    conn_id: str

    @property
    def name(self) -> str:
        """``alertmanager.<conn_id>``."""
        return f"alertmanager.{self.conn_id}"

    def send(self, alert: Alert) -> None:
        """Post once. Raises ``SinkError``."""
        endpoint_of(self.conn_id).post(alerts_body(alert), path=API)


def alerts_body(alert: Alert) -> JsonValue:
    """Return what is posted: one firing alert, or for ``ok`` each level's alert ended at ``raised_at``.

    Alertmanager sends no notification for the end of an alert that never fired.
    """
    text = {"summary": title(alert), "description": message(alert), "alert_id": alert.alert_id}
    annotations: dict[str, JsonValue] = {**text, **({"runbook_url": alert.runbook_url} if alert.runbook_url else {})}
    if alert.level is Level.OK:
        ended = alert.raised_at.isoformat()
        return [{"labels": _labels(alert, level), "annotations": annotations, "endsAt": ended} for level in KEEP]
    ends = max(alert.deadline, alert.raised_at) + KEEP[alert.level]
    times = {"startsAt": alert.raised_at.isoformat(), "endsAt": ends.isoformat()}
    return [{"labels": _labels(alert, alert.level), "annotations": annotations, **times}]


def _labels(alert: Alert, level: Level) -> dict[str, JsonValue]:
    return {
        "alertname": ALERTNAME,
        "job_id": alert.job_id,
        "level": level.value,
        "severity": SEVERITY[level],
        "dag_id": alert.dag_id,
        "run_id": alert.run_id,
    }
