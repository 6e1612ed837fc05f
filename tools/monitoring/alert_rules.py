"""Every alert, with the thresholds of config.yaml."""

from __future__ import annotations

from llmbatch.core.monitoring_settings import TargetsConfig
from monitoring.alert_rules_jobs import job_rules
from monitoring.alert_rules_platform import platform_rules
from monitoring.alert_rules_service import service_rules
from monitoring.rule import Rule


def alert_rules(targets: TargetsConfig) -> tuple[Rule, ...]:
    """Return the alerts."""
    return (*job_rules(targets), *service_rules(targets), *platform_rules())
