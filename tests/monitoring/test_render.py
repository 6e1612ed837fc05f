"""The files of ``config/`` are what is rendered, and Prometheus accepts them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from alert_cases.programs import Program
from llmbatch.core.config import Config, load_config
from llmbatch.core.monitoring_settings import MonitoringConfig, TargetsConfig
from monitoring.alert_rules import alert_rules
from monitoring.recording_rules import RECORDINGS
from monitoring.render import FOLDER, alerted, drift, generated, main

CONFIG = load_config(FOLDER / "config.yaml")
PROMETHEUS = FOLDER / "prometheus" / "prometheus.yml"


@pytest.fixture(autouse=True)
def _the_shipped_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLMBATCH_CONFIG", raising=False)


def test_the_files_are_what_is_rendered() -> None:
    assert drift(generated(CONFIG), FOLDER) == []
    assert main(["--check"]) == 0


def test_a_changed_file_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--into", str(tmp_path)]) == 0
    assert main(["--into", str(tmp_path), "--check"]) == 0
    rules = tmp_path / "prometheus" / "rules.yml"
    rules.write_text(rules.read_text().replace("> 0.05", "> 0.5"))
    (tmp_path / "alertmanager" / "alertmanager.yml").unlink()
    assert main(["--into", str(tmp_path), "--check"]) == 1
    shown = capsys.readouterr()
    assert "-    expr: llmbatch:job_failed_rows:ratio > 0.5 and" in shown.out
    assert "alertmanager.yml as rendered" in shown.out
    assert "run `make monitoring`" in shown.err


@pytest.mark.parametrize(
    ("target", "held", "alert"), [(0.9, 0.9, 0.95), (0.97, 0.9, 0.97), (0.9, 0.5, 0.9), (0.9, 0.95, 1)]
)
def test_what_an_engine_holds_of_a_gpu_is_no_alert(target: float, held: float, alert: float) -> None:
    targets = {"monitoring": {"targets": {"gpu_memory_ratio": target}}, "engine": {"gpu_memory_utilization": held}}
    config = Config.model_validate({"default_model": "m", "models": {"m": {"uri": "x"}}, **targets})
    assert alerted(config).gpu_memory_ratio == alert
    assert f"llmbatch:gpu_memory_used:ratio > {alert}" in generated(config)["prometheus/rules.yml"]


def test_targets_of_the_configuration_are_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (FOLDER / "config.yaml").read_text() + "\nmonitoring:\n  targets: {queue_jobs: 7}\n  team: batch\n"
    changed = tmp_path / "config.yaml"
    changed.write_text(text)
    monkeypatch.setenv("LLMBATCH_CONFIG", str(changed))
    assert main(["--into", str(tmp_path)]) == 0
    assert "max(llmbatch_queue_jobs) > 7" in (tmp_path / "prometheus" / "rules.yml").read_text()
    assert "team: batch" in (tmp_path / "prometheus" / "prometheus.yml").read_text()
    changed.write_text(text.replace("queue_jobs: 7", "queue_jobs: 0"))
    assert main(["--into", str(tmp_path)]) == 1
    assert "queue_jobs" in capsys.readouterr().err


def test_prometheus_accepts_its_configuration(program: Program, tmp_path: Path) -> None:
    shutil.copytree(PROMETHEUS.parent, tmp_path, dirs_exist_ok=True)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "gateway-key").write_text("key")
    command = [program("promtool"), "check", "config", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"SUCCESS: {len(RECORDINGS) + len(alert_rules(CONFIG.monitoring.targets))} rules found" in done.stdout


def test_what_is_scraped() -> None:
    stored = yaml.safe_load(PROMETHEUS.read_text())
    jobs = {job["job_name"]: job for job in stored["scrape_configs"]}
    assert list(jobs) == ["llmbatch", "statsd", "ray", "prometheus", "alertmanager"]
    assert jobs["llmbatch"]["authorization"]["credentials_file"] == "secrets/gateway-key"
    assert jobs["llmbatch"]["metrics_path"] == "/llmbatch/metrics"
    assert jobs["ray"]["file_sd_configs"] == [{"files": ["targets/ray.json"]}]
    assert stored["global"]["external_labels"] == {"team": CONFIG.monitoring.team}
    assert not [job for job in jobs.values() if "static_configs" in job], "an address of one deployment"


def test_of_ray_only_known_metrics_are_kept() -> None:
    stored = yaml.safe_load(PROMETHEUS.read_text())
    [keep, drop] = next(job for job in stored["scrape_configs"] if job["job_name"] == "ray")["metric_relabel_configs"]
    assert keep["action"] == "keep"
    assert re.fullmatch(keep["regex"], "ray_node_gram_used")
    assert not re.fullmatch(keep["regex"], "ray_grpc_server_req_new_total")
    assert drop == {"regex": "otel_scope_.*|Version", "action": "labeldrop"}


def test_the_page_lists_the_alerts() -> None:
    page = (FOLDER.parent / "docs" / "monitoring.md").read_text()
    rows = re.findall(r"^\| (Llmbatch\w+) \| (.+?) \| (.+?) \| (.+?) \|$", page, re.MULTILINE)
    assert rows == [
        (rule.alert, rule.severity.value, "at once" if rule.hold == "0m" else rule.hold, rule.summary.rstrip("."))
        for rule in alert_rules(TargetsConfig())
    ]


def test_the_examples_of_the_page_are_valid() -> None:
    page = (FOLDER.parent / "docs" / "monitoring.md").read_text()
    targets, receivers = (
        yaml.safe_load(text)["monitoring"] for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    )
    assert MonitoringConfig.model_validate(targets) == MonitoringConfig(), "the page shows the defaults"
    assert len(MonitoringConfig.model_validate(receivers).receivers) == 4
