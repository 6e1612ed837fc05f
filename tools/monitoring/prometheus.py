"""``config/prometheus``: what Prometheus scrapes, and the rules that it evaluates."""

from __future__ import annotations

from collections.abc import Sequence

from llmbatch.core.monitoring_settings import MonitoringConfig
from monitoring.known_metrics import RAY
from monitoring.recording_rules import RECORDINGS
from monitoring.rule import Recording, Rule

INTERVAL = "15s"
RULES_FILE = "rules.yml"
RECORDING_GROUP, ALERT_GROUP = "llmbatch-recordings", "llmbatch-alerts"
GATEWAY_KEY_FILE = "secrets/gateway-key"


def rule_groups(
    config: MonitoringConfig, alerts: Sequence[Rule], recordings: Sequence[Recording] = RECORDINGS
) -> dict[str, object]:
    """Return ``rules.yml``."""
    groups = {
        RECORDING_GROUP: [{"record": each.record, "expr": each.expr} for each in recordings],
        ALERT_GROUP: [_alert(rule, config) for rule in alerts],
    }
    return {"groups": [{"name": name, "rules": rules} for name, rules in groups.items()]}


def _alert(rule: Rule, config: MonitoringConfig) -> dict[str, object]:
    return {
        "alert": rule.alert,
        "expr": rule.expr,
        "for": rule.hold,
        "labels": {"severity": rule.severity.value, "team": config.team},
        "annotations": {
            "summary": rule.summary,
            "description": rule.description,
            "runbook_url": f"{config.runbook_url.rstrip('/')}/{rule.alert}.md",
        },
    }


def scrape_config(config: MonitoringConfig) -> dict[str, object]:
    """Return ``prometheus.yml``. Addresses are in ``targets/<job>.yml`` beside it, so that no deployment edits it."""
    return {
        "global": {
            "scrape_interval": INTERVAL,
            "evaluation_interval": INTERVAL,
            "external_labels": {"team": config.team},
        },
        "rule_files": [RULES_FILE],
        "alerting": {"alertmanagers": [_targets("alertmanager")]},
        "scrape_configs": [
            {
                "job_name": "llmbatch",
                "metrics_path": "/llmbatch/metrics",
                "authorization": {"type": "Bearer", "credentials_file": GATEWAY_KEY_FILE},
                **_targets("llmbatch"),
            },
            {"job_name": "statsd", **_targets("statsd")},
            {"job_name": "ray", **_targets("ray", "json"), "metric_relabel_configs": _of_ray()},
            {"job_name": "prometheus", **_targets("prometheus")},
            {"job_name": "alertmanager", **_targets("alertmanager")},
        ],
    }


def _targets(job: str, suffix: str = "yml") -> dict[str, object]:
    return {"file_sd_configs": [{"files": [f"targets/{job}.{suffix}"]}]}


def _of_ray() -> list[dict[str, object]]:
    """Keep what is known: an idle node exports 1,500 series, each with labels that change with every restart."""
    return [
        {"source_labels": ["__name__"], "regex": "|".join(sorted(RAY)), "action": "keep"},
        {"regex": "otel_scope_.*|Version", "action": "labeldrop"},
    ]
