"""The section ``monitoring`` of config.yaml: the targets that rules and dashboards are rendered from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from llmbatch.core.config_sections import Section

JOB_BOARD = "/d/llmbatch-job/llmbatch-one-job"
"""Path of the dashboard of one job in Grafana, as ``tools/monitoring`` renders it."""

_KINDS = ("webhook", "email", "slack", "pagerduty")

Ratio = Annotated[float, Field(gt=0, le=1)]


class TargetsConfig(Section):
    """The six key metrics of the runbook, and the longest queue."""

    rows_per_second: Annotated[float, Field(gt=0)] = 5
    """Least rows a second of all running jobs."""
    output_tokens_per_second: Annotated[float, Field(gt=0)] = 1000
    """Least tokens written a second of all running jobs."""
    row_latency_p95_seconds: Annotated[float, Field(gt=0)] = 5
    gpu_memory_ratio: Ratio = 0.9
    """Most memory of a GPU in use."""
    error_ratio: Ratio = 0.05
    """Most failed rows of those that have an outcome."""
    queue_jobs: Annotated[int, Field(ge=1)] = 100
    """Most jobs that wait."""


class ReceiverConfig(Section):
    """One receiver of Alertmanager. Secrets are in files, so none is in a rendered configuration.

    Exactly one of the four is set.
    """

    team: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")] = "platform"
    """Value of the label ``team`` of the alerts that this receiver gets."""
    severities: tuple[Annotated[str, Field(pattern=r"^(critical|warning|info|none)$")], ...] = ("critical", "warning")
    """``none`` is the severity of LlmbatchWatchdog, which a dead man's switch receives."""
    webhook_url_file: str | None = None
    """File with the URL."""
    email_to: str | None = None
    """Address; ``email`` has the mail server."""
    slack_url_file: str | None = None
    """File with the URL of an incoming webhook."""
    pagerduty_key_file: str | None = None
    """File with the routing key of an Events API v2 integration."""

    @property
    def kind(self) -> str:
        """``webhook``, ``email``, ``slack`` or ``pagerduty``."""
        return self._kinds()[0]

    def _kinds(self) -> list[str]:
        fields = (self.webhook_url_file, self.email_to, self.slack_url_file, self.pagerduty_key_file)
        return [kind for kind, value in zip(_KINDS, fields, strict=True) if value]

    @model_validator(mode="after")
    def _has_one_kind(self) -> ReceiverConfig:
        if len(self._kinds()) != 1:
            raise ValueError(
                f"a receiver of team {self.team!r} sets {', '.join(self._kinds()) or 'no kind'}; set exactly one of "
                "webhook_url_file, email_to, slack_url_file, pagerduty_key_file"
            )
        return self


class EmailConfig(Section):
    """The mail server of Alertmanager."""

    smarthost: str
    """``host:port``."""
    sender: str
    username: str = ""
    password_file: str | None = None


class MonitoringConfig(Section):
    """What Prometheus, Alertmanager and Grafana are rendered from by ``make monitoring``."""

    targets: TargetsConfig = TargetsConfig()
    team: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")] = "platform"
    """Label ``team`` of every alert."""
    runbook_url: str = "https://runbook.example/llmbatch"
    """Where ``docs/runbooks`` is published: each alert links ``<runbook_url>/<Alert>.md``."""
    grafana_url: Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=500)] | None = None
    """Address of Grafana with these dashboards: the page of a job links its own. Null: no link."""
    receivers: tuple[ReceiverConfig, ...] = ()
    email: EmailConfig | None = None

    @model_validator(mode="after")
    def _mail_has_a_server(self) -> MonitoringConfig:
        address = next((receiver.email_to for receiver in self.receivers if receiver.email_to), None)
        if address and self.email is None:
            raise ValueError(f"a receiver has email_to {address!r}; set monitoring.email.smarthost and .sender too")
        return self
