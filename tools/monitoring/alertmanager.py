"""``config/alertmanager/alertmanager.yml``: who receives which alert, and which alerts silence others."""

from __future__ import annotations

from llmbatch.core.monitoring_settings import EmailConfig, MonitoringConfig, ReceiverConfig
from monitoring.alert_rules import alert_rules
from monitoring.inhibitions import inhibitions

NO_RECEIVER = "none"
"""Receiver of what no route matches: it sends nothing, and the alert is shown by Alertmanager only."""

_TITLE = (
    "[{{ .Status | toUpper }}] {{ .CommonLabels.alertname }}{{ with .CommonLabels.job_id }} {{ . }}{{ end }}"
    "{{ if gt (len .Alerts) 1 }} ({{ len .Alerts }} alerts){{ end }}"
)
_TEXT = (
    "{{ range .Alerts }}{{ .Annotations.description }}"
    "{{ with .Annotations.runbook_url }} Runbook: {{ . }}{{ end }}\n{{ end }}"
)


def alertmanager_config(config: MonitoringConfig) -> dict[str, object]:
    """Return ``alertmanager.yml``. It holds no secret and no address of a deployment."""
    names = [_name(receiver, number) for number, receiver in enumerate(config.receivers, 1)]
    return {
        **({"global": _mail_server(config.email)} if config.email else {}),
        "route": {
            "receiver": NO_RECEIVER,
            "group_by": ["alertname", "job_id"],
            "group_wait": "15s",
            "group_interval": "5m",
            "repeat_interval": "4h",
            "routes": [_route(*pair, config.team) for pair in zip(names, config.receivers, strict=True)],
        },
        "inhibit_rules": [each.rendered() for each in inhibitions(alert_rules(config.targets))],
        "receivers": [
            {"name": NO_RECEIVER},
            *({"name": name, **_sender(each)} for name, each in zip(names, config.receivers, strict=True)),
        ],
    }


def _name(receiver: ReceiverConfig, number: int) -> str:
    return f"{receiver.team}-{receiver.kind}-{number}"


def _route(name: str, receiver: ReceiverConfig, default_team: str) -> dict[str, object]:
    """Return the route of one receiver. Alerts that name no team are those of the default team."""
    team = f'team=~"{receiver.team}|"' if receiver.team == default_team else f'team="{receiver.team}"'
    return {
        "receiver": name,
        "matchers": [team, f'severity=~"{"|".join(receiver.severities)}"'],
        "continue": True,
        "routes": [
            {"matchers": ['severity="warning"'], "group_wait": "1m", "repeat_interval": "12h"},
            {"matchers": ['severity="none"'], "group_wait": "0s", "group_interval": "1m", "repeat_interval": "1m"},
        ],
    }


def _sender(receiver: ReceiverConfig) -> dict[str, object]:
    if receiver.webhook_url_file:
        return {"webhook_configs": [{"url_file": receiver.webhook_url_file, "send_resolved": True}]}
    if receiver.email_to:
        mail = {"to": receiver.email_to, "send_resolved": True, "headers": {"Subject": _TITLE}, "text": _TEXT}
        return {"email_configs": [mail]}
    if receiver.slack_url_file:
        slack = {"api_url_file": receiver.slack_url_file, "send_resolved": True, "title": _TITLE, "text": _TEXT}
        return {"slack_configs": [slack]}
    page = {
        "routing_key_file": receiver.pagerduty_key_file,
        "send_resolved": True,
        "description": _TITLE,
        "severity": '{{ if eq .CommonLabels.severity "critical" }}critical{{ else }}warning{{ end }}',
        "details": {"alerts": _TEXT},
    }
    return {"pagerduty_configs": [page]}


def _mail_server(email: EmailConfig) -> dict[str, object]:
    return {
        "smtp_smarthost": email.smarthost,
        "smtp_from": email.sender,
        **({"smtp_auth_username": email.username} if email.username else {}),
        **({"smtp_auth_password_file": email.password_file} if email.password_file else {}),
    }
