"""The section monitoring of config.yaml."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from llmbatch.core.monitoring_settings import EmailConfig, MonitoringConfig, ReceiverConfig

_MAIL = EmailConfig(smarthost="mail.example:587", sender="llmbatch@example.com")


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"webhook_url_file": "/run/secrets/hook"}, "webhook"),
        ({"email_to": "oncall@example.com"}, "email"),
        ({"slack_url_file": "/run/secrets/slack"}, "slack"),
        ({"pagerduty_key_file": "/run/secrets/pagerduty"}, "pagerduty"),
    ],
)
def test_a_receiver_has_one_kind(fields: dict[str, str], kind: str) -> None:
    assert ReceiverConfig.model_validate(fields).kind == kind


@pytest.mark.parametrize(
    ("fields", "named"),
    [({}, "no kind"), ({"email_to": ""}, "no kind"), ({"email_to": "a@b", "slack_url_file": "x"}, "email, slack")],
)
def test_a_receiver_without_a_kind_or_with_two_is_refused(fields: dict[str, str], named: str) -> None:
    with pytest.raises(ValidationError, match=f"'ops' sets {named}; set exactly one of webhook_url_file"):
        ReceiverConfig.model_validate({"team": "ops", **fields})


def test_mail_needs_a_server() -> None:
    mail = ReceiverConfig(email_to="oncall@example.com")
    assert MonitoringConfig(receivers=(mail,), email=_MAIL).receivers == (mail,)
    with pytest.raises(ValidationError, match=r"'oncall@example.com'; set monitoring.email.smarthost"):
        MonitoringConfig(receivers=(mail,))


@pytest.mark.parametrize("severity", ["critical", "warning", "info", "none"])
def test_severities_are_those_of_the_rules(severity: str) -> None:
    assert ReceiverConfig(email_to="a@b", severities=(severity,)).severities == (severity,)
    with pytest.raises(ValidationError, match="severities"):
        ReceiverConfig(email_to="a@b", severities=("page",))


@pytest.mark.parametrize("url", ["javascript:alert(1)", "grafana:3000", "https://", "https://a b", "/d"])
def test_grafana_has_an_address_of_the_web(url: str) -> None:
    with pytest.raises(ValidationError, match="grafana_url"):
        MonitoringConfig(grafana_url=url)
    assert MonitoringConfig(grafana_url="https://grafana.example/sub").grafana_url == "https://grafana.example/sub"
