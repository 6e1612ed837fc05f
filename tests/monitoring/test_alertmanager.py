"""Who receives which alert, and which alerts silence others, on the real programs."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import yaml

from alert_cases.programs import Program
from alert_receivers import Alertmanager
from llmbatch.core.monitoring_settings import EmailConfig, MonitoringConfig, ReceiverConfig, TargetsConfig
from monitoring.alert_rules import alert_rules
from monitoring.alertmanager import alertmanager_config
from monitoring.inhibitions import inhibitions

TEAMS = MonitoringConfig(
    team="platform",
    receivers=(
        ReceiverConfig(pagerduty_key_file="/run/secrets/pagerduty", severities=("critical",)),
        ReceiverConfig(slack_url_file="/run/secrets/slack"),
        ReceiverConfig(webhook_url_file="/run/secrets/dead-man", severities=("none",)),
        ReceiverConfig(team="search", email_to="search@example.com", severities=("critical", "warning", "info")),
    ),
    email=EmailConfig(
        smarthost="mail.example:587", sender="llmbatch@example.com", username="u", password_file="/run/secrets/mail"
    ),
)


def stored(folder: Path, config: MonitoringConfig) -> Path:
    path = folder / "alertmanager.yml"
    path.write_text(yaml.safe_dump(alertmanager_config(config)), encoding="utf-8")
    return path


@pytest.mark.parametrize("config", [MonitoringConfig(), TEAMS], ids=["no receiver", "all kinds"])
def test_alertmanager_accepts_its_configuration(program: Program, tmp_path: Path, config: MonitoringConfig) -> None:
    subprocess.run([program("amtool"), "check-config", stored(tmp_path, config)], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ("severity=critical team=platform", "platform-pagerduty-1,platform-slack-2"),
        ("severity=warning team=platform", "platform-slack-2"),
        ("severity=none team=platform alertname=LlmbatchWatchdog", "platform-webhook-3"),
        ("severity=critical team=search", "search-email-4"),
        ("severity=warning team=search", "search-email-4"),
        ("severity=info team=search", "search-email-4"),
        ("severity=info team=platform", "none"),
        ("severity=critical team=unknown", "none"),
        ("severity=critical alertname=LlmbatchSla job_id=a", "platform-pagerduty-1,platform-slack-2"),
        ("severity=warning alertname=LlmbatchSla job_id=a", "platform-slack-2"),
    ],
)
def test_a_route_goes_by_severity_and_team(program: Program, tmp_path: Path, labels: str, receivers: str) -> None:
    """An alert that names no team is one of the product's own."""
    command = [program("amtool"), "config", "routes", "test", f"--config.file={stored(tmp_path, TEAMS)}"]
    done = subprocess.run(
        [*command, f"--verify.receivers={receivers}", *labels.split()], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_secrets_are_in_files() -> None:
    text = yaml.safe_dump(alertmanager_config(TEAMS))
    assert "routing_key_file: /run/secrets/pagerduty" in text
    assert "api_url_file: /run/secrets/slack" in text
    assert "url_file: /run/secrets/dead-man" in text
    assert "smtp_auth_password_file: /run/secrets/mail" in text
    assert "smtp_auth_username: u" in text
    assert "smtp_smarthost: mail.example:587" in text


def test_the_watchdog_is_repeated_and_a_warning_waits() -> None:
    route = alertmanager_config(TEAMS)["route"]
    assert isinstance(route, dict)
    for each in route["routes"]:
        warning, none = each["routes"]
        assert (warning["matchers"], warning["repeat_interval"]) == (['severity="warning"'], "12h")
        assert (none["matchers"], none["repeat_interval"]) == (['severity="none"'], "1m")
        assert each["continue"]


def test_inhibitions_name_alerts_that_exist() -> None:
    rules = alert_rules(TargetsConfig())
    names = {rule.alert for rule in rules} | {"LlmbatchSla"}
    for each in inhibitions(rules):
        assert {each.source, *each.targets} <= names, each
        assert each.source not in each.targets, each


@pytest.fixture(scope="module")
def server(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    program("prometheus-alertmanager")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    found = Alertmanager(tmp_path_factory.mktemp("alertmanager"), port, 9)
    stored(found.folder, MonitoringConfig())
    found.start()
    yield found
    found.stop()


def labels_of(alert: str) -> dict[str, str]:
    """Return the labels of ``JobStalled job_id=a``."""
    name, *more = alert.split()
    return {"alertname": f"Llmbatch{name}", **dict(word.split("=") for word in more)}


def post(server: Alertmanager, alerts: list[str], until: datetime) -> None:
    body = [{"labels": labels_of(alert), "endsAt": until.isoformat()} for alert in alerts]
    httpx.post(f"{server.url}/api/v2/alerts", json=body, timeout=60).raise_for_status()


def states(server: Alertmanager) -> dict[frozenset[tuple[str, str]], str]:
    return {frozenset(each["labels"].items()): each["status"]["state"] for each in server.alerts()}


@pytest.mark.parametrize(
    ("source", "silenced", "heard"),
    [
        (
            "GatewayDown",
            ["ExporterStale", "JobStalled job_id=a", "QueueStuck", "ThroughputLow", "ClockSkew"],
            ["JobsFailing", "Watchdog", "GpuMemoryHigh"],
        ),
        ("ExporterStale", ["JobDeadlinePassed job_id=a", "QueueBacklog"], ["JobsFailing", "DiskFull", "Watchdog"]),
        (
            "StatsdDown",
            ["SchedulerSilent", "TriggererSilent", "BackupMissing", "AlertUndelivered", "JobsFailing"],
            ["JobStalled job_id=a", "Watchdog"],
        ),
        ("StoreErrors", ["JobHeartbeatStale job_id=a", "ExporterStale", "StoreSlow"], ["GatewayDown", "DiskFull"]),
        ("SchedulerSilent", ["PoolStarving", "TriggererSilent", "DropFolderSilent", "QueueStuck"], ["DiskFull"]),
        (
            "RayNodeDown cluster=down",
            ["JobHeartbeatStale job_id=a", "GpuIdle", "ThroughputLow", "JobReplicasMissing job_id=b"],
            ["JobDeadlinePassed job_id=a", "SchedulerSilent"],
        ),
        (
            "RayNodeDown cluster=degraded",
            ["JobReplicasMissing job_id=a", "ThroughputDropped model=m"],
            ["JobHeartbeatStale job_id=a", "JobStalled job_id=b"],
        ),
        (
            "JobHeartbeatStale job_id=a",
            ["JobReplicasMissing job_id=a", "JobEtaUnknown job_id=a"],
            ["JobReplicasMissing job_id=b", "JobDeadlineAtRisk job_id=a"],
        ),
        (
            "JobStalled job_id=a",
            ["JobBurnRateHigh job_id=a"],
            ["JobBurnRateHigh job_id=b", "JobFailedRowsHigh job_id=a"],
        ),
        ("JobStalled job_id=a", ["JobDeadlineAtRisk job_id=a"], ["JobDeadlineAtRisk job_id=b"]),
        ("JobModelLoadStuck job_id=a", ["JobReplicasMissing job_id=a"], ["JobReplicasMissing job_id=b"]),
        (
            "JobDeadlinePassed job_id=a",
            ["JobBurnRateHigh job_id=a", "JobDeadlineAtRisk job_id=a"],
            ["JobDeadlineAtRisk job_id=b", "JobFailedRowsHigh job_id=a"],
        ),
        ("JobBurnRateHigh job_id=a", ["JobDeadlineAtRisk job_id=a"], ["JobDeadlineAtRisk job_id=b"]),
        ("Sla level=critical job_id=a", ["JobDeadlinePassed job_id=a"], ["JobDeadlinePassed job_id=b"]),
        ("Sla level=critical job_id=a", ["JobBurnRateHigh job_id=a"], ["JobStalled job_id=b"]),
        ("Sla level=red job_id=a", ["JobBurnRateHigh job_id=a"], ["JobDeadlineAtRisk job_id=b"]),
        ("Sla level=red job_id=a", ["JobDeadlineAtRisk job_id=a"], ["JobDeadlinePassed job_id=b"]),
        ("Sla level=red job_id=a", [], ["JobDeadlinePassed job_id=a"]),
        ("Sla level=yellow job_id=a", [], ["JobDeadlineAtRisk job_id=a"]),
    ],
)
def test_one_cause_is_one_page(server: Alertmanager, source: str, silenced: list[str], heard: list[str]) -> None:
    alerts = [source, *silenced, *heard]
    wanted = {frozenset(labels_of(alert).items()): "active" for alert in (source, *heard)}
    wanted |= {frozenset(labels_of(alert).items()): "suppressed" for alert in silenced}
    post(server, alerts, datetime.now(UTC) + timedelta(hours=1))
    try:
        until = time.monotonic() + 30
        while states(server) != wanted and time.monotonic() < until:
            time.sleep(0.1)  # a server of another make: there is nothing to await
        assert states(server) == wanted
    finally:
        post(server, alerts, datetime.now(UTC))
        while states(server):
            time.sleep(0.05)
