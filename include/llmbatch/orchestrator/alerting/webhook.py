"""Alerts as one JSON POST each."""

from __future__ import annotations

from dataclasses import dataclass

from llmbatch.core.alerts import Alert, message, title
from llmbatch.orchestrator.alerting.endpoint import endpoint_of


@dataclass(frozen=True)
class WebhookSink:
    """Posts the alert with its id, title and message; ``Idempotency-Key`` lets the receiver ignore a repetition."""

    conn_id: str

    @property
    def name(self) -> str:
        """``webhook.<conn_id>``."""
        return f"webhook.{self.conn_id}"

    def send(self, alert: Alert) -> None:
        """Post once. Raises ``SinkError``."""
        words = {"alert_id": alert.alert_id, "title": title(alert), "message": message(alert)}
        body = {**words, **alert.model_dump(mode="json")}
        endpoint_of(self.conn_id).post(body, headers={"Idempotency-Key": alert.alert_id})
